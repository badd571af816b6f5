src/protocol/request.o: src/protocol/request.cpp src/protocol/request.h \
 src/protocol/scanner.h
src/protocol/request.h:
src/protocol/scanner.h:
