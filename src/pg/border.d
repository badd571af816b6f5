src/pg/border.o: src/pg/border.cpp src/pg/border.h src/pg/error.h \
 src/prelude.h
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
