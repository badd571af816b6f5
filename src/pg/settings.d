src/pg/settings.o: src/pg/settings.cpp src/pg/settings.h src/pg/border.h \
 src/pg/error.h src/prelude.h
src/pg/settings.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
