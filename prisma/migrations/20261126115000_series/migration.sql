-- Measurements: disk rates of servers, nodes, roll-ups. All of it is unknown to Prisma.

ALTER TABLE "series"."server_sample"
    ADD COLUMN "disk_read_bytes_per_second" REAL NOT NULL DEFAULT 0,
    ADD COLUMN "disk_write_bytes_per_second" REAL NOT NULL DEFAULT 0;

CREATE TABLE "series"."node" (
    "key" INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "id" UUID NOT NULL UNIQUE
);

CREATE TABLE "series"."node_sample" (
    "node_key" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "cpu_percent" REAL NOT NULL,
    "load_average" REAL NOT NULL,
    "memory_bytes" BIGINT NOT NULL,
    "memory_limit_bytes" BIGINT NOT NULL,
    "disk_bytes" BIGINT NOT NULL,
    "disk_limit_bytes" BIGINT NOT NULL,
    "disk_read_bytes_per_second" REAL NOT NULL,
    "disk_write_bytes_per_second" REAL NOT NULL,
    "network_rx_bytes_per_second" REAL NOT NULL,
    "network_tx_bytes_per_second" REAL NOT NULL,
    "container_count" INTEGER NOT NULL,

    PRIMARY KEY ("node_key", "at")
) PARTITION BY RANGE ("at");

-- Hours in which raw rows were added since the last roll-up, locked by their writers until these have committed.
CREATE TABLE "series"."server_changed" ("key" INTEGER NOT NULL, "hour" TIMESTAMPTZ(0) NOT NULL, PRIMARY KEY ("key", "hour")) WITH (fillfactor = 50);
CREATE TABLE "series"."node_changed" ("key" INTEGER NOT NULL, "hour" TIMESTAMPTZ(0) NOT NULL, PRIMARY KEY ("key", "hour")) WITH (fillfactor = 50);

-- Roll-ups: minimum, average and maximum of each measure, and the greatest limit. The large ones are partitioned by a hash of
-- the key: the rows of one chart lie closer together although all servers are written at the same time.
DO $$
DECLARE
    subject TEXT;
    step TEXT;
    measure TEXT;
    measures TEXT[];
    columns TEXT;
    is_partitioned BOOLEAN;
    part INTEGER;
BEGIN
    FOREACH subject IN ARRAY ARRAY['server', 'node'] LOOP
        measures := CASE subject
            WHEN 'server' THEN ARRAY['cpu_percent', 'memory_bytes', 'disk_bytes', 'disk_read_bytes_per_second', 'disk_write_bytes_per_second', 'network_rx_bytes_per_second', 'network_tx_bytes_per_second', 'process_count']
            ELSE ARRAY['cpu_percent', 'load_average', 'memory_bytes', 'disk_bytes', 'disk_read_bytes_per_second', 'disk_write_bytes_per_second', 'network_rx_bytes_per_second', 'network_tx_bytes_per_second', 'container_count']
        END;
        columns := '';
        FOREACH measure IN ARRAY measures LOOP
            columns := columns || format('%I REAL NOT NULL, %I REAL NOT NULL, %I REAL NOT NULL, ', measure || '_min', measure || '_avg', measure || '_max');
        END LOOP;
        columns := columns || 'memory_limit_bytes_max REAL NOT NULL' || CASE subject WHEN 'node' THEN ', disk_limit_bytes_max REAL NOT NULL' ELSE '' END;
        FOREACH step IN ARRAY ARRAY['5m', '1h', '1d'] LOOP
            is_partitioned := subject = 'server' AND step <> '1d';
            EXECUTE format('CREATE TABLE series.%I (key INTEGER NOT NULL, at TIMESTAMPTZ(0) NOT NULL, count INTEGER NOT NULL, %s, PRIMARY KEY (key, at)) %s', subject || '_' || step, columns, CASE WHEN is_partitioned THEN 'PARTITION BY HASH (key)' END);
            CONTINUE WHEN NOT is_partitioned;
            FOR part IN 0..15 LOOP
                EXECUTE format('CREATE TABLE series.%I PARTITION OF series.%I FOR VALUES WITH (MODULUS 16, REMAINDER %s)', subject || '_' || step || '_' || part, subject || '_' || step, part);
            END LOOP;
        END LOOP;
    END LOOP;
END $$;
