-- For dropping what was typed when it is old. Prisma does not know partial indexes: this one is in no schema.
CREATE INDEX "Command_console_input_idx" ON "Command"("serverId", "finishedAt") WHERE "kind" = 'CONSOLE_INPUT';
