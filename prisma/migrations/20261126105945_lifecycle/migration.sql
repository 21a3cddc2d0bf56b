-- CreateEnum
CREATE TYPE "CrashPolicy" AS ENUM ('ALWAYS', 'ON_FAILURE', 'NEVER');

-- CreateEnum
CREATE TYPE "BootPolicy" AS ENUM ('RESTORE', 'ALWAYS', 'NEVER');

-- AlterTable
ALTER TABLE "Allocation" ADD COLUMN     "note" TEXT NOT NULL DEFAULT '';

-- AlterTable
ALTER TABLE "EnrolmentToken" ADD COLUMN     "nodeId" UUID;

-- AlterTable
ALTER TABLE "Node" ADD COLUMN     "cgroupVersion" INTEGER,
ADD COLUMN     "clockOffsetMs" INTEGER,
ADD COLUMN     "cpuOvercommitPercent" INTEGER NOT NULL DEFAULT 100,
ADD COLUMN     "diskOvercommitPercent" INTEGER NOT NULL DEFAULT 100,
ADD COLUMN     "isMaintenance" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "location" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "memoryOvercommitPercent" INTEGER NOT NULL DEFAULT 100,
ADD COLUMN     "runtimeName" TEXT,
ADD COLUMN     "runtimeVersion" TEXT,
ADD COLUMN     "tags" TEXT[];

-- AlterTable
ALTER TABLE "Server" ADD COLUMN     "bootPolicy" "BootPolicy" NOT NULL DEFAULT 'RESTORE',
ADD COLUMN     "cleanExitCodes" INTEGER[] DEFAULT ARRAY[0]::INTEGER[],
ADD COLUMN     "crashPolicy" "CrashPolicy" NOT NULL DEFAULT 'ON_FAILURE',
ADD COLUMN     "maximumRestarts" INTEGER NOT NULL DEFAULT 5,
ADD COLUMN     "needsRestart" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "nextRestartAt" TIMESTAMPTZ(3),
ADD COLUMN     "restartAttempt" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "restartWindowSeconds" INTEGER NOT NULL DEFAULT 600,
ADD COLUMN     "stopCommand" TEXT,
ADD COLUMN     "stopSignal" TEXT,
ADD COLUMN     "stopTimeoutSeconds" INTEGER;

-- AlterTable
ALTER TABLE "ServerEvent" ADD COLUMN     "agentEpoch" UUID,
ADD COLUMN     "agentSequence" BIGINT;

-- CreateTable
CREATE TABLE "NodeEvent" (
    "id" BIGSERIAL NOT NULL,
    "nodeId" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "data" JSONB NOT NULL DEFAULT '{}',
    "actorName" TEXT,
    "occurredAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "NodeEvent_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "NodeEvent_nodeId_id_idx" ON "NodeEvent"("nodeId", "id");

-- CreateIndex
CREATE UNIQUE INDEX "ServerEvent_serverId_agentEpoch_agentSequence_key" ON "ServerEvent"("serverId", "agentEpoch", "agentSequence");

-- AddForeignKey
ALTER TABLE "NodeEvent" ADD CONSTRAINT "NodeEvent_nodeId_fkey" FOREIGN KEY ("nodeId") REFERENCES "Node"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Measurements, unknown to Prisma: keyed by a small integer per server, partitioned by day. A repeated row is left out.
-- `prisma migrate reset` empties only the schema that Prisma knows.
DROP SCHEMA IF EXISTS "series" CASCADE;
CREATE SCHEMA "series";

CREATE TABLE "series"."server" (
    "key" INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "id" UUID NOT NULL UNIQUE
);

CREATE TABLE "series"."server_sample" (
    "server_key" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "cpu_percent" REAL NOT NULL,
    "memory_bytes" BIGINT NOT NULL,
    "memory_limit_bytes" BIGINT NOT NULL,
    "disk_bytes" BIGINT NOT NULL,
    "network_rx_bytes_per_second" REAL NOT NULL,
    "network_tx_bytes_per_second" REAL NOT NULL,
    "process_count" INTEGER NOT NULL,

    PRIMARY KEY ("server_key", "at")
) PARTITION BY RANGE ("at");
