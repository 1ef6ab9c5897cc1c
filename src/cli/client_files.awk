# Make src/cli/client_files.c of examples/clients/clients.list and of the files that it names:
#   awk -v folder=.../examples/clients -f client_files.awk .../clients.list
function quoted(text)
{
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}

BEGIN {
    FS = "|"
    print "/* Made by client_files.awk of examples/clients; do not edit. */"
    print "#include \"cli/client.h\"\n"
}

/^#/ { next }

NF != 5 {
    print FILENAME ":" FNR ": expected five columns" > "/dev/stderr"
    exit failed = 1
}

{
    path = folder "/" $3
    printf "static const char *const lines_%d[] = {\n", ++count
    for (lines = 0; (found = (getline line < path)) > 0; lines++)
        print "    " quoted(line) ","
    if (found < 0 || lines == 0) {
        print path ": missing or empty" > "/dev/stderr"
        exit failed = 1
    }
    close(path)
    print "    NULL,\n};\n"
    rows = rows "    {"
    for (i = 1; i <= 5; i++)
        rows = rows quoted($i) ", "
    rows = rows "lines_" count "},\n"
}

END {
    if (failed)
        exit 1
    print "const struct client_file client_files[] = {"
    print rows "    {NULL, NULL, NULL, NULL, NULL, NULL},\n};"
}
