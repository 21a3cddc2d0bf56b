-- AlterTable
ALTER TABLE "EnrolmentToken" ADD COLUMN     "location" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "tags" TEXT[];
