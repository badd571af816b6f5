-- Spaces that move to another server.

CREATE FUNCTION replicache.hold_space(space text) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_hold_space';
COMMENT ON FUNCTION replicache.hold_space(text) IS
'Begins the move of a space to another server. Waits until the transactions that write the space have ended. From its commit on, pushes to the space are halted as temporary, and other writes raise RE004. Pulls go on.
space: the space.
Result: the id of the move. If the space is held already, it is the same one.
Errors: 42704 there is no such space; RE004 it has moved; 0A000 the space '''' cannot move; 25006 read-only transaction.';

CREATE FUNCTION replicache.release_space(space text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_release_space';
COMMENT ON FUNCTION replicache.release_space(text) IS
'Lets writers into a held space: on the new server at the end of a move, or on the old one if the move is given up. Does nothing if the space is not held.
space: the space.
Errors: 42704 there is no such space; RE004 it has moved; 25006 read-only transaction.';

CREATE FUNCTION replicache.export_space(space text, users text[] DEFAULT '{}') RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_export_space';
COMMENT ON FUNCTION replicache.export_space(text, text[]) IS
'Returns what the new server must know of a held space. In a space with the clock transaction, it first waits for all open transactions of the database.
space: the space.
users: PowerSync clients of these users come along. They belong to no space. An element that is NULL stands for uploads without a user.
Result: for import_space. "tables" has a row for each tracked table that can have rows in the space: "table", its name; "copy_out", the COPY command that reads the rows; "copy_in", the one that writes them on the new server. Parents come before tables that refer to them.
Errors: 55000 the space is not held; 25001 this transaction has held it; 25006 this server is a standby; 42704 there is no such space; RE004 it has moved; 22004 an argument is null. With the clock transaction: 25001 the transaction is not READ COMMITTED; 55006 there is a prepared transaction.';

CREATE FUNCTION replicache.space_tables(space text) RETURNS TABLE ("table" text, copy_out text, copy_in text, removal text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_space_tables';
COMMENT ON FUNCTION replicache.space_tables(text) IS
'Says how to copy and delete the rows of a space. It reads and writes no rows, and the space need not be here.
space: the space.
Result: a row for each tracked table that can have rows in the space. Parents come before tables that refer to them. table: its name. copy_out: the COPY command that reads the rows. copy_in: the one that writes them on another server. removal: the DELETE command.
Errors: 22004 space is null.';

CREATE FUNCTION replicache.import_space(exported json) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_import_space';
COMMENT ON FUNCTION replicache.import_space(json) IS
'Takes a space from another server. Copy the rows in the same transaction, after it. They keep their versions until its end. From its commit on, the space is held, and can be pulled.
exported: what export_space has returned.
Result: false if the space has arrived by the same move before: its rows are there, too.
Errors: 42710 a space of this name is here; 22023, 22P02, 22P05 exported is something else; 23505 a client group of the space is here, in another space; 55000 a table of the space is not tracked here, or has rows of the space already; 42P01 a table is missing; 22004 exported is null; 25006 read-only transaction.';

CREATE FUNCTION replicache.close_space(space text, move text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_close_space';
COMMENT ON FUNCTION replicache.close_space(text, text) IS
'Ends the life of a held space on the old server, when the new one has it. From now on, its requests raise RE004, and pushes are halted as temporary. Its rows can be deleted, and leave no tombstones. Does nothing if the space has gone by this move before.
space: the space.
move: what hold_space has returned.
Errors: 55000 the space is not held for this move; 42704 there is no such space; RE004 it has moved by another move; 25001 the transaction has changed the space; 22004 an argument is null; 25006 read-only transaction.';
