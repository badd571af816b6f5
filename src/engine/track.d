src/engine/track.o: src/engine/track.cpp src/engine/track.h \
 src/engine/tracked_table.h src/engine/key.h src/pg/scalar_text.h \
 src/pg/datum.h src/pg/border.h src/pg/error.h src/prelude.h \
 src/pg/json_text.h src/pg/spi.h src/engine/change.h src/engine/space.h \
 src/pg/compat.h
src/engine/track.h:
src/engine/tracked_table.h:
src/engine/key.h:
src/pg/scalar_text.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/pg/json_text.h:
src/pg/spi.h:
src/engine/change.h:
src/engine/space.h:
src/pg/compat.h:
