src/engine/client.o: src/engine/client.cpp src/engine/client.h \
 src/pg/spi.h src/pg/datum.h src/pg/border.h src/pg/error.h src/prelude.h \
 src/pg/array.h
src/engine/client.h:
src/pg/spi.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/pg/array.h:
