-- After ours.sql: what is deleted is gone, and leaves a tombstone.
SELECT replicache.untrack_table('message');
SELECT replicache.track_table('message', version => 'version');
