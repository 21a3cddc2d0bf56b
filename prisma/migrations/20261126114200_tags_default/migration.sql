-- Rows from before the columns have none of them: null would be a third kind of "no tags".
UPDATE "Node" SET "tags" = ARRAY[]::TEXT[] WHERE "tags" IS NULL;
UPDATE "EnrolmentToken" SET "tags" = ARRAY[]::TEXT[] WHERE "tags" IS NULL;

-- AlterTable
ALTER TABLE "Node" ALTER COLUMN "tags" SET DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "EnrolmentToken" ALTER COLUMN "tags" SET DEFAULT ARRAY[]::TEXT[];
