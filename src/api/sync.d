src/api/sync.o: src/api/sync.cpp src/api/arguments.h src/pg/datum.h \
 src/pg/border.h src/pg/error.h src/prelude.h src/engine/pull.h \
 src/engine/push.h src/engine/batch.h src/engine/space.h src/pg/spi.h \
 src/pg/settings.h src/protocol/replicache.h src/protocol/request.h
src/api/arguments.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/engine/pull.h:
src/engine/push.h:
src/engine/batch.h:
src/engine/space.h:
src/pg/spi.h:
src/pg/settings.h:
src/protocol/replicache.h:
src/protocol/request.h:
