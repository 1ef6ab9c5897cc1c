# Of Cline's providers this one takes an address. Once is enough: it is kept in ~/.cline.
cline auth -p openai -b @URL@/v1 -k "$@KEY_ENV@" -m @MODEL@
