/* Citations that come back with what was said: the service looks at each of them. */
#include "claude_messages.h"

#include <string.h>

#include "bedrock.h"
#include "json.h"

static const char *const kinds[] = {
    "char_location",          "content_block_location",     "page_location",
    "search_result_location", "web_search_result_location", NULL};

static bool citation_good(struct claude_reading *r, const cJSON *citation, const char *place)
{
    const char *type = json_str(citation, "type");

    if (!type || !word_in(type, kinds))
        return bedrock_bad(
            r->x,
            "%s.text.citations: Input tag '%s' found using 'type' does not match any "
            "of the expected tags",
            place, type ? type : "null");
    if (!json_str(citation, "cited_text"))
        return bedrock_bad(r->x, "%s.text.citations.%s.cited_text: Field required", place, type);
    if (strcmp(type, "web_search_result_location") != 0)
        return true;
    const char *index = json_str(citation, "encrypted_index");
    if (!index || !*index)
        return bedrock_bad(r->x, "%s.text.citations: Invalid `encrypted_index`", place);
    return true;
}

bool claude_citations_good(struct claude_reading *r, const cJSON *block, const char *place)
{
    const cJSON *citations = json_get(block, "citations"), *c;

    if (!citations || cJSON_IsNull(citations))
        return true;
    if (!cJSON_IsArray(citations))
        return bedrock_bad(r->x, "%s.text.citations: Input should be a valid array", place);
    cJSON_ArrayForEach(c, citations)
    {
        if (!citation_good(r, c, place))
            return false;
    }
    return true;
}
