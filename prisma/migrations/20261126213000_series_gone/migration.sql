-- Keys of servers and nodes that are gone and whose roll-ups are not dropped yet. Every key that has roll-ups has some of days.
CREATE TABLE "series"."server_gone" ("key" INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE "series"."node_gone" ("key" INTEGER NOT NULL PRIMARY KEY);

INSERT INTO "series"."server_gone"
SELECT DISTINCT "key" FROM "series"."server_1d" r WHERE NOT EXISTS (SELECT 1 FROM "series"."server" k WHERE k."key" = r."key");
INSERT INTO "series"."node_gone"
SELECT DISTINCT "key" FROM "series"."node_1d" r WHERE NOT EXISTS (SELECT 1 FROM "series"."node" k WHERE k."key" = r."key");
