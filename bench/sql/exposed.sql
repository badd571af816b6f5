-- After ours.sql: clients write the rows themselves.
SELECT replicache.expose_crud('message');
