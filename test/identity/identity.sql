\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = error;
SET statement_timeout = '5min';
\ir recorder.sql
\ir traps.sql
\ir shadows.sql
\ir attempts.sql
\ir commands.sql
\ir verdict.sql
DROP EXTENSION replicache_ext CASCADE;
DROP OWNED BY identity_owner, identity_other, identity_app, identity_stranger, identity_super CASCADE;
DROP ROLE identity_owner, identity_other, identity_app, identity_stranger, identity_super;
