src/engine/ddl.o: src/engine/ddl.cpp src/engine/ddl.h src/prelude.h \
 src/engine/change.h src/engine/space.h src/pg/spi.h src/pg/datum.h \
 src/pg/border.h src/pg/error.h src/engine/track.h \
 src/engine/tracked_table.h src/engine/key.h src/pg/scalar_text.h \
 src/pg/json_text.h
src/engine/ddl.h:
src/prelude.h:
src/engine/change.h:
src/engine/space.h:
src/pg/spi.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/engine/track.h:
src/engine/tracked_table.h:
src/engine/key.h:
src/pg/scalar_text.h:
src/pg/json_text.h:
