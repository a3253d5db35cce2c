/* A reader of java.util.regex.Pattern's language by recursive descent; functions carry the names of
 * that class's. What is read yields what Java's look-behind must know of it, its length. */
#include "core/settings/pattern.h"

#include <string.h>

#include "base/map.h"

enum {
    FLAG_COMMENTS = 1,
    FLAG_UNIX_LINES = 2,
    CODE_POINT_MAX = 0x10ffff,
    META = -1, /* an escape that stands for more than one character */
};

#define REPS_MAX INT32_MAX

/* How long a match can be, and whether that is known; whether there is one way to match only. */
struct extent {
    int32_t max;
    bool bounded, deterministic;
    bool single; /* it is one character, whichever */
};

struct reader {
    const int32_t *text; /* code points, and zeros behind them */
    int32_t size, cursor;
    unsigned flags;
    struct map names; /* of groups */
    struct arena *arena;
    int depth;
    bool failed;
};

static const struct extent NOTHING = {0, true, true, false};
static const struct extent ONE = {1, true, true, true};

static struct extent expression(struct reader *reader);
static void class_of(struct reader *reader, bool consume);

/* The end looks like zeros, however far one reads. */
static int32_t at(const struct reader *reader, int32_t index)
{
    return index >= 0 && index < reader->size ? reader->text[index] : 0;
}

static int32_t fail(struct reader *reader)
{
    reader->failed = true;
    reader->cursor = reader->size; /* and nothing more is read */
    return 0;
}

static bool is_digit(int32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(int32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex(int32_t c)
{
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* --- characters, and what (?x) leaves out ----------------------------------------------------- */

static bool is_space(int32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool ends_line(const struct reader *reader, int32_t c)
{
    if (reader->flags & FLAG_UNIX_LINES) return c == '\n';
    return c == '\n' || c == '\r' || (c | 1) == 0x2029 || c == 0x85;
}

/* The cursor comes to stand on the first character that counts. */
static int32_t peek(struct reader *reader)
{
    int32_t c = at(reader, reader->cursor);
    while ((reader->flags & FLAG_COMMENTS) && (is_space(c) || c == '#')) {
        bool comment = c == '#';
        c = at(reader, ++reader->cursor);
        while (comment && c != 0 && !ends_line(reader, c))
            c = at(reader, ++reader->cursor);
    }
    return c;
}

static int32_t next(struct reader *reader)
{
    reader->cursor++;
    return peek(reader);
}

/* The cursor comes to stand behind it. */
static int32_t take(struct reader *reader)
{
    int32_t c = at(reader, reader->cursor++);
    while ((reader->flags & FLAG_COMMENTS) && (is_space(c) || c == '#')) {
        bool comment = c == '#';
        c = at(reader, reader->cursor++);
        while (comment && c != 0 && !ends_line(reader, c))
            c = at(reader, reader->cursor++);
    }
    return c;
}

static int32_t skip(struct reader *reader)
{
    reader->cursor += 2;
    return at(reader, reader->cursor - 1);
}

/* --- properties: \p{…} ------------------------------------------------------------------------ */

static bool is_one_of(struct slice name, const char *const *names)
{
    while (*names != NULL && !slice_equal(name, slice_of(*names)))
        names++;
    return *names != NULL;
}

/* (CharPredicates.defProp) */
static bool is_property(struct slice name)
{
    static const char *const names[] = {
        "Cn",    "Lu",    "Ll",    "Lt",     "Lm",    "Lo",    "Mn",    "Me",    "Mc",    "Nd",
        "Nl",    "No",    "Zs",    "Zl",     "Zp",    "Cc",    "Cf",    "Co",    "Cs",    "Pd",
        "Ps",    "Pe",    "Pc",    "Po",     "Sm",    "Sc",    "Sk",    "So",    "Pi",    "Pf",
        "L",     "M",     "N",     "Z",      "C",     "P",     "S",     "LC",    "LD",    "L1",
        "all",   "ASCII", "Alnum", "Alpha",  "Blank", "Cntrl", "Digit", "Graph", "Lower", "Print",
        "Punct", "Space", "Upper", "XDigit", NULL};
    static const char *const methods[] = {"LowerCase",
                                          "UpperCase",
                                          "Alphabetic",
                                          "Ideographic",
                                          "TitleCase",
                                          "Digit",
                                          "Defined",
                                          "Letter",
                                          "LetterOrDigit",
                                          "JavaIdentifierStart",
                                          "JavaIdentifierPart",
                                          "UnicodeIdentifierStart",
                                          "UnicodeIdentifierPart",
                                          "IdentifierIgnorable",
                                          "SpaceChar",
                                          "Whitespace",
                                          "ISOControl",
                                          "Mirrored",
                                          NULL};
    if (slice_starts_with(name, SLICE("java")))
        return is_one_of((struct slice){name.data + 4, name.size - 4}, methods);
    return is_one_of(name, names);
}

static bool is_known(struct slice name)
{
    static const char *const lists[] = {"sc", "script", "blk", "block", NULL};
    static const char *const categories[] = {"gc", "general_category", NULL};
    const uint8_t *equals = name.size == 0 ? NULL : memchr(name.data, '=', name.size);
    if (equals != NULL) {
        struct slice list = {name.data, (size_t)(equals - name.data)};
        struct slice value = {equals + 1, name.size - list.size - 1};
        if (is_one_of(list, categories)) return is_property(value);
        return is_one_of(list, lists) && value.size > 0;
    }
    if (slice_starts_with(name, SLICE("In")) || slice_starts_with(name, SLICE("Is")))
        return name.size > 2;
    return is_property(name);
}

/* Stands before its name, or before the brace. */
static void family(struct reader *reader)
{
    uint8_t name[64];
    size_t size = 0;
    bool braced = next(reader) == '{';
    if (!braced) reader->cursor--;
    int32_t c = next(reader);
    if (!braced) {
        take(reader);
        name[size++] = c > 0 && c < 0x80 ? (uint8_t)c : 0;
    }
    while (braced && (c = take(reader)) != '}') {
        if (reader->cursor > reader->size || size == sizeof(name)) {
            fail(reader);
            return;
        }
        name[size++] = c > 0 && c < 0x80 ? (uint8_t)c : 0;
    }
    if (!is_known((struct slice){name, size})) fail(reader);
}

/* --- escapes ---------------------------------------------------------------------------------- */

static bool is_octal(int32_t c)
{
    return c >= '0' && c <= '7';
}

static int32_t octal(struct reader *reader)
{
    int32_t first = take(reader);
    if (!is_octal(first)) return fail(reader);
    int32_t value = first - '0';
    for (int i = 1; i < 3; i++) {
        int32_t c = take(reader);
        if (!is_octal(c) || (i == 2 && first > '3')) {
            reader->cursor--;
            break;
        }
        value = value * 8 + (c - '0');
    }
    return value;
}

static int32_t hexadecimal(struct reader *reader)
{
    int32_t c = take(reader);
    if (hex(c) >= 0) {
        int32_t second = take(reader);
        return hex(second) >= 0 ? hex(c) * 16 + hex(second) : fail(reader);
    }
    int32_t value = 0;
    if (c != '{' || hex(peek(reader)) < 0) return fail(reader);
    while (hex(c = take(reader)) >= 0) {
        value = value * 16 + hex(c);
        if (value > CODE_POINT_MAX) return fail(reader);
    }
    return c == '}' ? value : fail(reader);
}

static int32_t four_digits(struct reader *reader)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex(take(reader));
        if (digit < 0) return fail(reader);
        value = value * 16 + digit;
    }
    return value;
}

/* Two halves of a character of UTF-16 are one. */
static int32_t unicode(struct reader *reader)
{
    int32_t high = four_digits(reader);
    if (high < 0xd800 || high > 0xdbff) return high;
    int32_t before = reader->cursor;
    if (take(reader) == '\\' && take(reader) == 'u') {
        int32_t low = four_digits(reader);
        if (low >= 0xdc00 && low <= 0xdfff)
            return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    if (!reader->failed) reader->cursor = before;
    return high;
}

/* The name of a character. Which there are is Java's to know: one is as good as another. */
static int32_t named(struct reader *reader)
{
    if (take(reader) != '{' || !is_letter(peek(reader))) return fail(reader);
    int32_t c = take(reader);
    while (is_letter(c) || is_digit(c) || c == ' ' || c == '-')
        c = take(reader);
    return c == '}' ? 'N' : fail(reader);
}

/* "name>" of a group, of which `first` has been read. */
static struct slice group_name(struct reader *reader, int32_t first)
{
    int32_t start = reader->cursor - 1;
    int32_t c = first;
    if (!is_letter(c)) fail(reader);
    while (is_letter(c) || is_digit(c))
        c = take(reader);
    if (reader->failed || c != '>') {
        fail(reader);
        return SLICE("");
    }
    size_t size = (size_t)(reader->cursor - 1 - start);
    uint8_t *name = arena_alloc(reader->arena, size + 1);
    for (size_t i = 0; i < size; i++)
        name[i] = (uint8_t)at(reader, start + (int32_t)i);
    return (struct slice){name, size};
}

static int32_t reference(struct reader *reader)
{
    if (take(reader) != '<') return fail(reader);
    struct slice name = group_name(reader, take(reader));
    if (!reader->failed && map_get(&reader->names, name) == NULL) return fail(reader);
    return META;
}

/* \b{g}, which is the only brace behind it. */
static int32_t boundary(struct reader *reader)
{
    if (peek(reader) != '{') return META;
    if (skip(reader) != 'g') {
        reader->cursor -= 2;
        return META;
    }
    return take(reader) == '}' ? META : fail(reader);
}

/* Stands on the backslash. The character that is meant, or META; what META's length is goes to
 * `extent`. */
static int32_t escape(struct reader *reader, bool in_class, bool in_range, struct extent *extent)
{
    int32_t c = skip(reader);
    *extent = ONE;
    if (reader->cursor > reader->size) return fail(reader); /* nothing is escaped */
    if (is_digit(c) && c != '0') {
        *extent = (struct extent){0, false, true, false};
        return in_class ? fail(reader) : META;
    }
    if (!is_letter(c) && c != '0') return c;
    if (in_class && strchr("ABGRXZbkz", c) != NULL) return fail(reader);
    if (strchr("ABGZbz", c) != NULL) *extent = NOTHING;
    if (c == 'R') *extent = (struct extent){2, true, true, false};
    if (c == 'X') *extent = NOTHING;
    if (c == 'k') *extent = (struct extent){0, false, true, false};
    switch (c) {
    case '0':
        return octal(reader);
    case 'N':
        return named(reader);
    case 'b':
        return boundary(reader);
    case 'c':
        return reader->cursor < reader->size ? take(reader) ^ 64 : fail(reader);
    case 'k':
        return reference(reader);
    case 'u':
        return unicode(reader);
    case 'x':
        return hexadecimal(reader);
    case 'a':
        return '\a';
    case 'e':
        return 27;
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return in_range ? '\v' : META;
    default:
        return strchr("ABDGHRSVWXZdhswz", c) != NULL ? META : fail(reader);
    }
}

/* --- classes: […] ----------------------------------------------------------------------------- */

static bool is_property_escape(const struct reader *reader)
{
    int32_t c = at(reader, reader->cursor + 1);
    return at(reader, reader->cursor) == '\\' && (c == 'p' || c == 'P');
}

static void range(struct reader *reader)
{
    struct extent unused;
    int32_t first = peek(reader);
    if (is_property_escape(reader)) {
        reader->cursor++;
        family(reader);
        return;
    }
    if (first == '\\') {
        bool in_range = at(reader, reader->cursor + 2) == '-';
        first = escape(reader, true, in_range, &unused);
        if (first == META) return;
    } else {
        next(reader);
    }
    int32_t behind = at(reader, reader->cursor + 1);
    if (peek(reader) != '-' || behind == '[' || behind == ']') return;
    int32_t last = next(reader);
    if (last == '\\')
        last = escape(reader, true, true, &unused);
    else
        next(reader);
    if (last < first) fail(reader);
}

/* What stands behind &&, up to the next one or the end. */
static bool right_side(struct reader *reader)
{
    bool any = false;
    int32_t c = peek(reader);
    while (c != ']' && c != '&' && !reader->failed) {
        if (c != '[') reader->cursor--;
        class_of(reader, c == '[');
        any = true;
        c = peek(reader);
    }
    return any;
}

/* Stands before its first character; `consume`: ends behind the bracket. */
static void class_of(struct reader *reader, bool consume)
{
    bool any = false;
    if (++reader->depth > PATTERN_DEPTH_MAX) fail(reader);
    int32_t c = next(reader);
    if (c == '^' && at(reader, reader->cursor - 1) == '[') c = next(reader);
    while (!reader->failed) {
        if (c == 0 && reader->cursor >= reader->size) fail(reader);
        if (c == ']' && any) break;
        if (c == '[') {
            class_of(reader, true);
            any = true;
        } else if (c == '&' && next(reader) == '&') {
            next(reader);
            if (!right_side(reader) && !any) fail(reader);
            any = true;
        } else {
            if (c == '&') reader->cursor--;
            range(reader);
            any = true;
        }
        c = peek(reader);
    }
    if (consume && !reader->failed) next(reader);
    reader->depth--;
}

/* --- repetition ------------------------------------------------------------------------------- */

static int64_t count(struct reader *reader, int32_t *c)
{
    int64_t value = 0;
    while (is_digit(*c)) {
        value = value * 10 + (*c - '0');
        if (value > REPS_MAX) fail(reader);
        *c = take(reader);
        if (reader->failed) break;
    }
    return value;
}

/* {min}, {min,} or {min,max}: stands on the brace. */
static void bounds(struct reader *reader, int64_t *min, int64_t *max)
{
    if (!is_digit(at(reader, reader->cursor + 1))) {
        fail(reader);
        return;
    }
    int32_t c = skip(reader);
    *min = *max = count(reader, &c);
    if (c == ',') {
        c = take(reader);
        *max = c == '}' ? REPS_MAX : count(reader, &c);
    }
    if (c != '}' || *max < *min) fail(reader);
}

/* An int of Java's, which begins anew beyond its end. */
static int32_t wrapped(int64_t value)
{
    return (int32_t)(uint32_t)(uint64_t)value;
}

static struct extent joined(struct extent a, struct extent b)
{
    return (struct extent){wrapped((int64_t)a.max + b.max), a.bounded && b.bounded,
                           a.deterministic && b.deterministic, false};
}

/* The atom behind `before`, many times: a sum that begins anew is no bound. (Curly.study) */
static struct extent repeated(struct extent before, struct extent atom, int64_t min, int64_t max)
{
    struct extent all = joined(before, atom);
    all.max = wrapped((int64_t)wrapped((int64_t)atom.max * max) + before.max);
    all.bounded = all.bounded && all.max >= before.max;
    all.deterministic = all.deterministic && min == max;
    return all;
}

/* What may stand behind an atom; `group`: of which Java loops when it has to look for the way. What
 * is read so far, with all of it, comes back. */
static struct extent closure(struct reader *reader, struct extent before, struct extent atom,
                             bool group)
{
    int64_t min = 0, max = 1;
    int32_t c = peek(reader);
    if (c != '?' && c != '*' && c != '+' && c != '{') return joined(before, atom);
    if (c == '+') min = 1;
    if (c == '*' || c == '+') max = REPS_MAX;
    if (c == '{')
        bounds(reader, &min, &max);
    else
        next(reader);
    int32_t how = peek(reader);
    bool greedy = how != '?' && how != '+';
    if (!greedy) next(reader);
    if (group && how != '+' && c != '?' && !atom.deterministic)
        return (struct extent){0, false, false, false};
    if (greedy && atom.single && max == REPS_MAX) /* (CharPropertyGreedy.study) */
        return (struct extent){wrapped((int64_t)before.max + max), before.bounded, false, false};
    struct extent all = repeated(before, atom, min, max);
    if (c == '?') all.deterministic = false;
    return all;
}

/* --- groups ----------------------------------------------------------------------------------- */

/* i, m, s, d, u, c, x, U, and behind a minus those that end. */
static void inline_flags(struct reader *reader)
{
    bool on = true;
    for (int32_t c = peek(reader);; c = next(reader)) {
        unsigned flag = c == 'x' ? FLAG_COMMENTS : c == 'd' ? FLAG_UNIX_LINES : 0;
        if (c == '-' && on)
            on = false;
        else if (c <= 0 || c >= 0x80 || strchr("imsducxU", c) == NULL)
            return;
        reader->flags = on ? reader->flags | flag : reader->flags & ~flag;
    }
}

static void define(struct reader *reader, struct slice name)
{
    static char defined;
    if (reader->failed) return;
    if (map_get(&reader->names, name) != NULL)
        fail(reader);
    else
        map_put(&reader->names, name, &defined);
}

enum group_kind {
    GROUP_CAPTURES,
    GROUP_PLAIN,
    GROUP_ASSERTS,
    GROUP_BEHIND,
    GROUP_ALONE,
    GROUP_FLAGS
};

/* What stands behind "(": where its expression begins. */
static enum group_kind group_head(struct reader *reader)
{
    if (next(reader) != '?') return GROUP_CAPTURES;
    int32_t c = skip(reader);
    if (c == ':') return GROUP_PLAIN;
    if (c == '=' || c == '!') return GROUP_ASSERTS;
    if (c == '>') return GROUP_ALONE;
    if (c == '<') {
        c = take(reader);
        if (c == '=' || c == '!') return GROUP_BEHIND;
        define(reader, group_name(reader, c));
        return GROUP_CAPTURES;
    }
    if (c == '$' || c == '@') fail(reader);
    reader->cursor--;
    inline_flags(reader);
    c = take(reader);
    if (c == ')') return GROUP_FLAGS;
    if (c != ':') fail(reader);
    return GROUP_PLAIN;
}

static struct extent group(struct reader *reader, struct extent before)
{
    unsigned flags = reader->flags;
    enum group_kind kind = group_head(reader);
    if (kind == GROUP_FLAGS || reader->failed) return before; /* they count until the group ends */
    struct extent inner = expression(reader);
    if (kind == GROUP_BEHIND && !inner.bounded) fail(reader);
    if (take(reader) != ')') fail(reader);
    reader->flags = flags;
    if (kind == GROUP_ASSERTS || kind == GROUP_BEHIND)
        return closure(reader, before, NOTHING, false);
    inner.single = false;
    return closure(reader, before, inner, kind != GROUP_ALONE);
}

/* --- sequences -------------------------------------------------------------------------------- */

static bool is_special(const struct reader *reader, int32_t c)
{
    if (c == 0) return reader->cursor >= reader->size;
    return c < 0x80 && strchr("*+?{$.^([|)", c) != NULL;
}

/* A character or an escape; a brace that repeats nothing repeats the empty word. */
static struct extent atom(struct reader *reader)
{
    struct extent extent = NOTHING;
    int32_t c = peek(reader);
    if (is_property_escape(reader)) {
        reader->cursor++;
        family(reader);
        return ONE;
    }
    if (c == '\\') {
        (void)escape(reader, false, false, &extent);
    } else if (!is_special(reader, c)) {
        extent = ONE;
        next(reader);
    }
    return extent;
}

static struct extent sequence(struct reader *reader)
{
    struct extent all = NOTHING;
    while (!reader->failed) {
        int32_t c = peek(reader);
        if (c == '|' || c == ')' || (c == 0 && reader->cursor >= reader->size)) break;
        if (c == '?' || c == '*' || c == '+') {
            fail(reader);
            break;
        }
        struct extent one = ONE;
        if (c == '(') {
            all = group(reader, all);
            continue;
        }
        if (c == '[') {
            class_of(reader, true);
        } else if (c == '^' || c == '$' || c == '.') {
            if (c != '.') one = NOTHING;
            next(reader);
        } else {
            one = atom(reader);
        }
        all = closure(reader, all, one, false);
    }
    return all;
}

static struct extent expression(struct reader *reader)
{
    if (++reader->depth > PATTERN_DEPTH_MAX) fail(reader);
    struct extent all = sequence(reader);
    while (!reader->failed && peek(reader) == '|') {
        next(reader);
        struct extent other = sequence(reader);
        all.max = other.max > all.max ? other.max : all.max;
        all.bounded = all.bounded && other.bounded;
        all.deterministic = false;
    }
    reader->depth--;
    return all;
}

/* --- all -------------------------------------------------------------------------------------- */

/* One character of UTF-8, whose bytes were checked when the request was read; what is none counts
 * as a character that means nothing. (RFC 3629 §3) */
static int32_t character(struct slice *text)
{
    uint8_t first = text->data[0];
    size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (size > text->size) size = text->size;
    int32_t c = size == 1 ? first : first & (0x7f >> size);
    for (size_t i = 1; i < size; i++)
        c = c << 6 | (text->data[i] & 0x3f);
    *text = (struct slice){text->data + size, text->size - size};
    return c;
}

/* A first digit must not be taken for one of an escape before it. */
static int32_t put_quoted(int32_t c, bool first, int32_t *points)
{
    int32_t size = 0;
    bool digit = first && is_digit(c);
    if (digit || (c < 0x80 && !is_letter(c) && !is_digit(c))) points[size++] = '\\';
    if (digit) points[size++] = 'x';
    if (digit) points[size++] = '3';
    points[size++] = c;
    return size;
}

/* \Q…\E is the same as each character of it by itself. (Pattern.RemoveQEQuoting) */
static int32_t unquote(struct slice text, int32_t *points)
{
    int32_t size = 0;
    bool quoted = false, first = false;
    while (text.size > 0) {
        bool two = text.size > 1 && text.data[0] == '\\';
        uint8_t second = two ? text.data[1] : 0;
        if (second == (quoted ? 'E' : 'Q')) {
            first = quoted = !quoted;
            text = (struct slice){text.data + 2, text.size - 2};
            continue;
        }
        int32_t c = character(&text);
        if (quoted) {
            size += put_quoted(c, first, points + size);
            first = false;
            continue;
        }
        points[size++] = c;
        if (c == '\\' && text.size > 0) points[size++] = character(&text);
    }
    return size;
}

bool pattern_is_valid(struct slice text, struct arena *arena)
{
    int32_t *points = arena_alloc(arena, (text.size * 2 + 1) * sizeof(points[0]));
    struct reader reader = {.text = points, .size = unquote(text, points), .arena = arena};
    ASSERT((size_t)reader.size <= text.size * 2);
    map_init(&reader.names, 0);
    (void)expression(&reader);
    map_deinit(&reader.names);
    return !reader.failed && reader.cursor == reader.size; /* else a ) closes nothing */
}
