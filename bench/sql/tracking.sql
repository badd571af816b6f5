-- Two tables that differ in nothing but being tracked. The UPDATE that is measured changes an indexed column of both.
CREATE EXTENSION replicache_ext;
CREATE TABLE tracked (id text PRIMARY KEY, sender text NOT NULL, content text NOT NULL, ord bigint NOT NULL, version bigint NOT NULL DEFAULT 0);
CREATE INDEX ON tracked (version);
CREATE TABLE untracked (LIKE tracked INCLUDING ALL);
SELECT replicache.track_table('tracked', version => 'version');
CREATE TABLE source (id text, sender text, content text, ord bigint);
