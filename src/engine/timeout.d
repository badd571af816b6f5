src/engine/timeout.o: src/engine/timeout.cpp src/engine/timeout.h \
 src/pg/border.h src/pg/error.h src/prelude.h src/pg/settings.h
src/engine/timeout.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/pg/settings.h:
