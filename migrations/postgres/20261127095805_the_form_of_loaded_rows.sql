-- the form of loaded rows
-- Written by `etl migrate new`; read it before it is run, and never change it after.

-- Rows that are there get the default; the next load fills them.
ALTER TABLE "etl_loads" ADD COLUMN "form" VARCHAR(16) NOT NULL DEFAULT '';
COMMENT ON COLUMN "etl_loads"."form" IS 'hash of what the contract says of storing rows; empty: not known';
