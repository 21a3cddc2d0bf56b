-- AlterTable
ALTER TABLE "ConsoleSegment" ADD COLUMN     "byteCount" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Server" ADD COLUMN     "consoleFloodBytesPerSecond" INTEGER NOT NULL DEFAULT 4194304,
ADD COLUMN     "consoleFloodLinesPerSecond" INTEGER NOT NULL DEFAULT 20000,
ADD COLUMN     "consoleRetentionDays" INTEGER NOT NULL DEFAULT 90,
ADD COLUMN     "consoleRetentionMiB" INTEGER NOT NULL DEFAULT 256,
ADD COLUMN     "isConsoleTerminal" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "ConsoleRun" (
    "serverId" UUID NOT NULL,
    "id" TEXT NOT NULL,
    "fromPosition" BIGINT NOT NULL,
    "toPosition" BIGINT NOT NULL,
    "startedAt" TIMESTAMPTZ(3) NOT NULL,
    "endedAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "ConsoleRun_pkey" PRIMARY KEY ("serverId","id")
);

-- CreateIndex
CREATE INDEX "ConsoleRun_serverId_fromPosition_idx" ON "ConsoleRun"("serverId", "fromPosition");

-- CreateIndex
CREATE INDEX "ConsoleSegment_serverId_endedAt_idx" ON "ConsoleSegment"("serverId", "endedAt");

-- AddForeignKey
ALTER TABLE "ConsoleRun" ADD CONSTRAINT "ConsoleRun_serverId_fkey" FOREIGN KEY ("serverId") REFERENCES "Server"("id") ON DELETE CASCADE ON UPDATE CASCADE;

UPDATE "ConsoleSegment" SET "byteCount" = "toPosition" - "fromPosition";

-- Segments are compressed already: PostgreSQL need not try.
ALTER TABLE "ConsoleSegment" ALTER COLUMN "data" SET STORAGE EXTERNAL;

-- Whoever changes rights, and however, every api hears of it with the commit and ends the streams of those whose rights they were.
-- The channel and its payload are those of revoked sessions (modules/auth/auth-service.ts of the api).
CREATE FUNCTION "announceAssignedRole"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('catalyst_session_revoked', json_build_object('userId', coalesce(NEW."userId", OLD."userId"), 'sessionId', NULL)::text);
  RETURN NULL;
END $$;

CREATE TRIGGER "RoleAssignment_announce" AFTER INSERT OR UPDATE OR DELETE ON "RoleAssignment"
  FOR EACH ROW EXECUTE FUNCTION "announceAssignedRole"();

CREATE FUNCTION "announceChangedRole"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('catalyst_session_revoked', json_build_object('userId', "userId", 'sessionId', NULL)::text)
    FROM "RoleAssignment" WHERE "roleId" = NEW.id;
  RETURN NULL;
END $$;

CREATE TRIGGER "Role_announce" AFTER UPDATE OF "permissions" ON "Role"
  FOR EACH ROW WHEN (OLD."permissions" IS DISTINCT FROM NEW."permissions") EXECUTE FUNCTION "announceChangedRole"();
