-- lake of loads
-- Written by `etl migrate new`; read it before it is run, and never change it after.

-- Rows that are there get the default; the next load fills them.
-- lake_id: the lake that the mart was read from; empty: not known
ALTER TABLE "etl_loads" ADD COLUMN "lake_id" VARCHAR(36) NOT NULL DEFAULT '';
