src/engine/space.o: src/engine/space.cpp src/engine/space.h src/pg/spi.h \
 src/pg/datum.h src/pg/border.h src/pg/error.h src/prelude.h \
 src/engine/poke.h src/pg/settings.h
src/engine/space.h:
src/pg/spi.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/engine/poke.h:
src/pg/settings.h:
