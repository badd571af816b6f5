src/engine/change.o: src/engine/change.cpp src/engine/change.h \
 src/engine/space.h src/pg/spi.h src/pg/datum.h src/pg/border.h \
 src/pg/error.h src/prelude.h src/engine/key.h src/pg/scalar_text.h
src/engine/change.h:
src/engine/space.h:
src/pg/spi.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/engine/key.h:
src/pg/scalar_text.h:
