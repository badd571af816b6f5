-- After ours.sql: the clients are those of Zero only, which does not need the table to be tracked.
SELECT replicache.untrack_table('message');
