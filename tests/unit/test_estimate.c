/*
 * The estimate against true counts: of the o200k vocabulary, and of the one published for Claude (see
 * doc/token-estimate.md). The counts are facts; the distance that is allowed is what was measured.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "chat/estimate.h"

#define GPT    STR("gpt-4o")
#define CLAUDE STR("anthropic--claude-4-sonnet")

static const struct {
    const char *kind, *text;
    int64_t o200k, claude;
} samples[] = {
    {"english",
     "Please check whether the configuration file has the right permissions, "
     "and then write a test that shows the error. When the web server closes "
     "the connection early, the program ends with a message that nobody understands; "
     "that should get better.",
     45, 45},
    {"german",
     "Bitte überprüfe, ob die Konfigurationsdatei die richtigen Zugriffsrechte "
     "hat, und schreibe anschließend einen Test, der den Fehler zeigt. Wenn "
     "der Webserver die Verbindung vorzeitig schließt, bricht das Programm mit "
     "einer unverständlichen Meldung ab.",
     55, 75},
    {"french",
     "Vérifie, s'il te plaît, que le fichier de configuration possède les "
     "bons droits d'accès, puis écris un test qui montre l'erreur. Le train "
     "partira exceptionnellement de la voie sept, avec un retard d'environ vingt-cinq "
     "minutes.",
     53, 70},
    {"japanese",
     "設定ファイルのアクセス権が正しいかどうか確認して"
     "から、エラーを再現するテストを書いてください。三"
     "番目のループで文字列が無効になる理由を説明しても"
     "らえますか。",
     52, 75},
    {"chinese",
     "请先检查配置文件的访问权限是否正确，然后编写一个"
     "能够重现该错误的测试。如果网页服务器过早关闭连接"
     "，程序就会输出一条难以理解的信息并退出。",
     42, 50},
    {"russian",
     "Пожалуйста, проверьте права доступа к файлу "
     "конфигурации и напишите тест, который показывает "
     "ошибку. Поезд отправится с седьмого пути "
     "с опозданием на двадцать пять минут.",
     46, 84},
    {"code",
     "static size_t run(const struct walk *w, int (*is)(int))\n"
     "{\n"
     "    size_t n = 0;\n"
     "    for (unsigned char c; (c = peek(w, n)) < 0x80 && is(c); n++)\n"
     "        ;\n"
     "    return n;\n"
     "}\n"
     "\n"
     "int main(int argc, char **argv)\n"
     "{\n"
     "    for (int i = 1; i < argc; i++)\n"
     "        printf(\"%s\\n\", argv[i]);\n"
     "    return EXIT_SUCCESS;\n"
     "}\n",
     98, 111},
    {"schema",
     "{\"type\":\"object\",\"properties\":{\"file_path\":{\"type\":\"string\","
     "\"description\":\"The absolute path to the file to read\"},\"offset\":{\"type\":\"integer\","
     "\"description\":\"The line number to start reading from\"},\"limit\":{\"type\":\"integer\","
     "\"description\":\"The number of lines to read\"}},\"required\":[\"file_path\"],"
     "\"additionalProperties\":false}",
     70, 71},
    {"numbers",
     "{\"id\": 904821733, \"price\": 412.07, \"at\": \"2026-03-14T09:26:53Z\","
     " \"ok\": true, \"uuid\": \"9f86d081884c7d659a2feaa0c55ad015\"}\n"
     "{\"id\": 118240917, \"price\": 38.5, \"at\": \"2026-11-02T23:59:01Z\", "
     "\"ok\": false, \"uuid\": \"60303ae22b998861bce3b28f33eec1be\"}",
     125, 126},
};

enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void expect_near(const char *kind, int64_t estimate, int64_t count, int low, int high)
{
    int64_t percent = estimate * 100 / count;

    if (percent < low || percent > high)
        fail_msg("%s: %d for %d, %d %%", kind, (int)estimate, (int)count, (int)percent);
}

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct str text = str_from(samples[i].text);
        expect_near(samples[i].kind, chat_estimate_text(text, GPT), samples[i].o200k, 85, 125);
        expect_near(samples[i].kind, chat_estimate_text(text, CLAUDE), samples[i].claude, 80, 135);
    }
}

static struct chat_request request_of(struct chat_message *m, struct chat_part *p, struct str text)
{
    struct chat_request r;

    chat_request_init(&r);
    *p = (struct chat_part){.kind = CHAT_TEXT, .text = text};
    *m = (struct chat_message){.role = CHAT_USER, .parts = p};
    r.messages = m;
    return r;
}

/* With the margin, not below the truth; the framing of a message weighs much here. */
static void requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct chat_message m;
        struct chat_part p;
        struct chat_request r = request_of(&m, &p, str_from(samples[i].text));
        expect_near(samples[i].kind, chat_estimate_tokens(&r, GPT), samples[i].o200k, 100, 180);
        expect_near(samples[i].kind, chat_estimate_tokens(&r, CLAUDE), samples[i].claude, 100, 200);
    }
}

static void every_part_counts(void **state)
{
    struct chat_message m;
    struct chat_part p;
    struct chat_request r = request_of(&m, &p, STR("one two three"));
    int64_t before = chat_estimate_tokens(&r, GPT);

    (void)state;
    struct chat_part inner = {.kind = CHAT_TEXT, .text = STR("four five six seven eight nine ten")};
    struct chat_part call = {.kind = CHAT_TOOL_CALL,
                             .name = STR("get_weather"),
                             .arguments = STR("{\"city\":\"Paris\"}")};
    struct chat_part result = {.kind = CHAT_TOOL_RESULT, .content = &inner};
    struct chat_part image = {.kind = CHAT_IMAGE, .data = STR("AAAA")};
    struct chat_part *const parts[] = {&call, &result, &image};
    for (size_t i = 0; i < 3; i++) {
        p.next = parts[i];
        int64_t now = chat_estimate_tokens(&r, GPT);
        assert_true(now >= before + 7);
        if (parts[i] == &image)
            assert_true(now >= before + 1000);
    }
    p.next = NULL;
    struct chat_tool tool = {.name = STR("f"),
                             .description = STR("does this and that"),
                             .schema = STR("{\"type\":\"object\"}"),
                             .strict = -1};
    r.tools = &tool;
    assert_true(chat_estimate_tokens(&r, GPT) >= before + 15);
    chat_request_init(&r);
    assert_true(chat_estimate_tokens(&r, STR_NONE) >= 1);
}

static void strange_texts(void **state)
{
    char bytes[257];

    (void)state;
    assert_int_equal(chat_estimate_text(STR_NONE, GPT), 0);
    assert_int_equal(chat_estimate_text(STR(""), CLAUDE), 0);
    assert_in_range(chat_estimate_text(STR("\0\0\0"), GPT), 1, 4);
    for (int i = 0; i < 257; i++)
        bytes[i] = (char)i;
    /* each beginning, cut anywhere: no byte behind the end is looked at */
    for (size_t n = 0; n <= sizeof bytes; n++) {
        char *exact = malloc(n ? n : 1);
        memcpy(exact, bytes + sizeof bytes - n, n);
        assert_in_range(chat_estimate_text((struct str){exact, n}, GPT), n ? 1 : 0, 4 * n + 1);
        free(exact);
    }
}

/* More text is never fewer tokens. A step for each pair of bytes would not end today. */
static void grows_with_the_text(void **state)
{
    enum { BYTES = 4 * 1024 * 1024 };
    char *text = malloc(BYTES);
    int64_t last = 0;

    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        text[i] = "word, 12\n  if (a)"[i % 17];
    assert_true(chat_estimate_text((struct str){text, BYTES}, GPT) > BYTES / 5);
    for (size_t n = 0; n < 500; n++) {
        int64_t now = chat_estimate_text((struct str){text, n}, GPT);
        assert_true(now + 1 >= last); /* ".c" may cost less than "." alone */
        last = now;
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(requests),
        cmocka_unit_test(strange_texts),
        cmocka_unit_test(every_part_counts),
        cmocka_unit_test(grows_with_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
