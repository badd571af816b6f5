src/api/setup.o: src/api/setup.cpp src/api/arguments.h src/pg/datum.h \
 src/pg/border.h src/pg/error.h src/prelude.h src/engine/mutator.h \
 src/pg/spi.h src/engine/space.h src/engine/track.h \
 src/engine/tracked_table.h src/engine/key.h src/pg/scalar_text.h \
 src/pg/json_text.h src/pg/settings.h
src/api/arguments.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/engine/mutator.h:
src/pg/spi.h:
src/engine/space.h:
src/engine/track.h:
src/engine/tracked_table.h:
src/engine/key.h:
src/pg/scalar_text.h:
src/pg/json_text.h:
src/pg/settings.h:
