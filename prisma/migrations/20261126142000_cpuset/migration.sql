-- AlterTable
ALTER TABLE "Server" ADD COLUMN     "cpuset" TEXT NOT NULL DEFAULT '';
