src/engine/pull.o: src/engine/pull.cpp src/engine/pull.h src/pg/border.h \
 src/pg/error.h src/prelude.h src/engine/client.h src/pg/spi.h \
 src/pg/datum.h src/engine/context.h src/engine/tracked_table.h \
 src/engine/key.h src/pg/scalar_text.h src/pg/json_text.h
src/engine/pull.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/engine/client.h:
src/pg/spi.h:
src/pg/datum.h:
src/engine/context.h:
src/engine/tracked_table.h:
src/engine/key.h:
src/pg/scalar_text.h:
src/pg/json_text.h:
