/*
 * The least that a responder with libfcgi and libcurl can do to relay: one request at a time, on one
 * connection that is kept, by one handle that is used again; nothing is looked at. Where Corelay ends
 * up beside it is what its checks, records and concurrency cost.
 *
 * relay URL: every request goes there.
 */
#include <curl/curl.h>
#include <fcgiapp.h>

enum { MOST = 64 * 1024 };

static char body[MOST];

static size_t give(char *bytes, size_t size, size_t n, void *out)
{
    return (size_t)FCGX_PutStr(bytes, (int)(size * n), out);
}

int main(int argc, char **argv)
{
    FCGX_Request request;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

    if (argc != 2 || !curl || !headers || FCGX_Init() || FCGX_InitRequest(&request, 0, 0))
        return 1;
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, give);
    while (FCGX_Accept_r(&request) >= 0) {
        int n = FCGX_GetStr(body, MOST, request.in);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)n);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, request.out);
        FCGX_PutS("Content-Type: application/json\r\n\r\n", request.out);
        curl_easy_perform(curl);
    }
    return 0;
}
