/*
 * The least that a FastCGI responder with libfcgi can do: read the body, answer a fixed text. Where
 * Corelay ends up beside it is what the gateway costs.
 */
#include <fcgiapp.h>
#include <string.h>

static const char answer[] =
    "Status: 200 OK\r\nContent-Type: application/json\r\n\r\n"
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"gpt-"
    "4o\","
    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
    "\"word word word word word\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
    "\"completion_tokens\":12,\"total_tokens\":21}}";

int main(void)
{
    FCGX_Request request;
    char piece[8192];

    if (FCGX_Init() || FCGX_InitRequest(&request, 0, 0))
        return 1;
    while (FCGX_Accept_r(&request) >= 0) {
        while (FCGX_GetStr(piece, sizeof piece, request.in) == sizeof piece)
            ;
        FCGX_PutStr(answer, (int)strlen(answer), request.out);
    }
    return 0;
}
