src/engine/tracked_table.o: src/engine/tracked_table.cpp \
 src/engine/tracked_table.h src/engine/key.h src/pg/scalar_text.h \
 src/pg/datum.h src/pg/border.h src/pg/error.h src/prelude.h \
 src/pg/json_text.h src/pg/spi.h
src/engine/tracked_table.h:
src/engine/key.h:
src/pg/scalar_text.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/pg/json_text.h:
src/pg/spi.h:
