src_libcorelay_a_SOURCES +=

src_libcorelay_a_SOURCES += \
	src/family/aws_eventstream.c src/family/aws_eventstream.h \
	src/family/python_literal.c src/family/python_literal.h
