src/engine/push.o: src/engine/push.cpp src/engine/push.h \
 src/engine/batch.h src/pg/border.h src/pg/error.h src/prelude.h \
 src/engine/client.h src/pg/spi.h src/pg/datum.h src/engine/constraints.h \
 src/engine/context.h src/engine/mutator.h src/engine/space.h \
 src/engine/timeout.h src/pg/array.h src/pg/memory.h \
 src/pg/subtransaction.h
src/engine/push.h:
src/engine/batch.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/engine/client.h:
src/pg/spi.h:
src/pg/datum.h:
src/engine/constraints.h:
src/engine/context.h:
src/engine/mutator.h:
src/engine/space.h:
src/engine/timeout.h:
src/pg/array.h:
src/pg/memory.h:
src/pg/subtransaction.h:
