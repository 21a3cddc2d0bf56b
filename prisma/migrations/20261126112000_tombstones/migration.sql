-- AlterTable
ALTER TABLE "Server" ADD COLUMN     "restartReason" TEXT;

-- CreateTable
CREATE TABLE "ServerTombstone" (
    "id" UUID NOT NULL,
    "nodeId" UUID NOT NULL,
    "assignment" JSONB NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ServerTombstone_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "ServerTombstone_nodeId_idx" ON "ServerTombstone"("nodeId");

-- AddForeignKey
ALTER TABLE "ServerTombstone" ADD CONSTRAINT "ServerTombstone_nodeId_fkey" FOREIGN KEY ("nodeId") REFERENCES "Node"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- CreateIndex
CREATE INDEX "ServerEvent_serverId_occurredAt_id_idx" ON "ServerEvent"("serverId", "occurredAt", "id");
