/* listeners, advertised.listeners, listener.security.protocol.map, controller.listener.names and
 * inter.broker.listener.name, which together say where to listen and what to tell clients; and
 * gregor.http.listeners. */
#include <string.h>

#include "core/settings/internal.h"

struct endpoint {
    struct slice name; /* upper case */
    struct slice host;
    uint16_t port;
};

static void wrong(struct settings *settings, enum setting_id id, struct slice text)
{
    settings_report(settings, settings_table[id].name, SETTINGS_LINE_INVALID, text);
}

static struct slice text_of(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].text;
}

static struct slice upper_case(struct arena *arena, struct slice text)
{
    uint8_t *bytes = arena_alloc(arena, text.size + 1);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bytes[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
    }
    return (struct slice){bytes, text.size};
}

static bool is_host(struct slice host)
{
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-%._:";
    for (size_t i = 0; i < host.size; i++)
        if (memchr(allowed, host.data[i], sizeof(allowed) - 1) == NULL) return false;
    return true;
}

/* "host:port" with a host that may be empty or in brackets. */
static bool parse_address(struct slice address, struct endpoint *endpoint)
{
    const uint8_t *colon = address.size > 0 ? memrchr(address.data, ':', address.size) : NULL;
    if (colon == NULL) return false;
    struct slice host = {address.data, (size_t)(colon - address.data)};
    struct slice port = {colon + 1, address.size - host.size - 1};
    if (host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']')
        host = (struct slice){host.data + 1, host.size - 2};
    int64_t number;
    if (!is_host(host)) return false;
    if (slice_parse_int64(port, 0, UINT16_MAX, &number) < 0) return false;
    endpoint->host = host;
    endpoint->port = (uint16_t)number;
    return true;
}

static bool parse_endpoint(struct settings *settings, enum setting_id id, struct slice text,
                           struct endpoint *endpoint)
{
    struct arena *arena = &settings->arena;
    const uint8_t *mark = memmem(text.data, text.size, "://", 3);
    if (mark == NULL) {
        wrong(settings, id,
              arena_printf(arena, "Unable to parse a listener name from %.*s", SLICE_ARG(text)));
        return false;
    }
    struct slice name = {text.data, (size_t)(mark - text.data)};
    endpoint->name = upper_case(arena, name);
    struct slice address = {mark + 3, text.size - name.size - 3};
    if (parse_address(address, endpoint)) return true;
    wrong(settings, id,
          arena_printf(arena, "Unable to parse %.*s to a broker endpoint", SLICE_ARG(text)));
    return false;
}

/* Splits one of the two lists into `endpoints`. Less than 0: it was reported. */
static int parse_endpoints(struct settings *settings, enum setting_id id,
                           struct endpoint endpoints[SETTINGS_LISTENERS_MAX])
{
    struct slice list = text_of(settings, id);
    struct slice item;
    int count = 0;
    while (list.size > 0 && setting_list_next(&list, &item)) {
        if (count == SETTINGS_LISTENERS_MAX) {
            wrong(settings, id,
                  arena_printf(&settings->arena, "More than %d listeners", SETTINGS_LISTENERS_MAX));
            return -1;
        }
        if (!parse_endpoint(settings, id, item, &endpoints[count])) return -1;
        count++;
    }
    return count;
}

/* --- names and protocols ---------------------------------------------------------------------- */

static bool is_controller(const struct settings *settings, struct slice name)
{
    return setting_list_has(text_of(settings, SETTING_CONTROLLER_LISTENER_NAMES), name);
}

/* The protocol that listener.security.protocol.map gives a name; null: none. */
static struct slice mapped_protocol(struct settings *settings, struct slice name)
{
    struct slice list = text_of(settings, SETTING_LISTENER_SECURITY_PROTOCOL_MAP);
    struct slice item;
    while (list.size > 0 && setting_list_next(&list, &item)) {
        const uint8_t *colon = memchr(item.data, ':', item.size);
        if (colon == NULL) continue;
        struct slice key = {item.data, (size_t)(colon - item.data)};
        struct slice protocol = {colon + 1, item.size - key.size - 1};
        if (slice_equal(upper_case(&settings->arena, setting_trim(key)), name))
            return upper_case(&settings->arena, setting_trim(protocol));
    }
    /* Without a map of one's own, controllers speak PLAINTEXT. (KIP-631) */
    bool own =
        settings->values[SETTING_LISTENER_SECURITY_PROTOCOL_MAP].origin != SETTING_ORIGIN_DEFAULT;
    return !own && is_controller(settings, name) ? SLICE("PLAINTEXT") : SLICE_NULL;
}

static void check_map(struct settings *settings)
{
    struct slice list = text_of(settings, SETTING_LISTENER_SECURITY_PROTOCOL_MAP);
    struct slice item;
    const struct slice known = SLICE("PLAINTEXT,SSL,SASL_PLAINTEXT,SASL_SSL");
    while (list.size > 0 && setting_list_next(&list, &item)) {
        const uint8_t *colon = item.size > 0 ? memchr(item.data, ':', item.size) : NULL;
        struct slice protocol = SLICE_NULL;
        if (colon != NULL)
            protocol = (struct slice){colon + 1, (size_t)(item.data + item.size - colon - 1)};
        if (colon != NULL && setting_list_has(known, upper_case(&settings->arena, protocol)))
            continue;
        wrong(settings, SETTING_LISTENER_SECURITY_PROTOCOL_MAP,
              arena_printf(&settings->arena,
                           "Invalid security protocol `%.*s` defined in "
                           "listener.security.protocol.map",
                           SLICE_ARG(colon == NULL ? item : protocol)));
    }
}

static void check_protocol(struct settings *settings, enum setting_id id, struct slice name)
{
    struct slice protocol = mapped_protocol(settings, name);
    if (slice_is_null(protocol))
        wrong(settings, id,
              arena_printf(&settings->arena, "No security protocol defined for listener %.*s",
                           SLICE_ARG(name)));
    else if (!slice_equal(protocol, SLICE("PLAINTEXT")))
        settings_report(settings, settings_table[id].name, SETTINGS_LINE_REFUSED,
                        arena_printf(&settings->arena,
                                     "Listener %.*s speaks %.*s: gregor speaks PLAINTEXT only, for "
                                     "now.",
                                     SLICE_ARG(name), SLICE_ARG(protocol)));
}

static void check_inter_broker(struct settings *settings)
{
    struct slice name = text_of(settings, SETTING_INTER_BROKER_LISTENER_NAME);
    if (slice_is_null(name)) return;
    if (settings->values[SETTING_SECURITY_INTER_BROKER_PROTOCOL].origin != SETTING_ORIGIN_DEFAULT)
        wrong(
            settings, SETTING_INTER_BROKER_LISTENER_NAME,
            SLICE(
                "Only one of inter.broker.listener.name and security.inter.broker.protocol should "
                "be set."));
    if (slice_is_null(mapped_protocol(settings, upper_case(&settings->arena, name))))
        wrong(settings, SETTING_INTER_BROKER_LISTENER_NAME,
              arena_printf(
                  &settings->arena,
                  "Listener with name %.*s defined in inter.broker.listener.name not found in "
                  "listener.security.protocol.map.",
                  SLICE_ARG(name)));
}

/* --- together --------------------------------------------------------------------------------- */

static bool is_ipv6(struct slice host)
{
    return host.size > 0 && memchr(host.data, ':', host.size) != NULL;
}

/* Two listeners differ in name and port; an IPv4 and an IPv6 one may share a port. (KIP-797) */
static void check_distinct(struct settings *settings, const struct endpoint *endpoints, int count)
{
    struct slice list = text_of(settings, SETTING_LISTENERS);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < i; j++) {
            const char *what = NULL;
            bool same_port = endpoints[i].port == endpoints[j].port && endpoints[i].port != 0;
            if (same_port && is_ipv6(endpoints[i].host) == is_ipv6(endpoints[j].host))
                what = "port";
            if (slice_equal(endpoints[i].name, endpoints[j].name)) what = "name";
            if (what == NULL) continue;
            wrong(settings, SETTING_LISTENERS,
                  arena_printf(&settings->arena,
                               "Each listener must have a different %s, listeners: %.*s", what,
                               SLICE_ARG(list)));
            return;
        }
    }
}

static const struct endpoint *find(const struct endpoint *endpoints, int count, struct slice name)
{
    for (int i = 0; i < count; i++)
        if (slice_equal(endpoints[i].name, name)) return &endpoints[i];
    return NULL;
}

static void check_advertised(struct settings *settings, const struct endpoint *advertised,
                             int count, const struct endpoint *endpoints, int endpoint_count)
{
    for (int i = 0; i < count; i++) {
        if (find(endpoints, endpoint_count, advertised[i].name) == NULL)
            wrong(settings, SETTING_ADVERTISED_LISTENERS,
                  arena_printf(
                      &settings->arena,
                      "advertised.listeners listener names must be equal to or a subset of the "
                      "ones defined in listeners. Found %.*s.",
                      SLICE_ARG(advertised[i].name)));
        if (slice_equal(advertised[i].host, SLICE("0.0.0.0")))
            wrong(
                settings, SETTING_ADVERTISED_LISTENERS,
                SLICE("advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a "
                      "routable IP address."));
    }
}

void settings_parse_listeners(struct settings *settings)
{
    struct endpoint endpoints[SETTINGS_LISTENERS_MAX];
    struct endpoint advertised[SETTINGS_LISTENERS_MAX];
    check_map(settings);
    check_inter_broker(settings);
    int count = parse_endpoints(settings, SETTING_LISTENERS, endpoints);
    if (count < 0) return;
    int advertised_count = parse_endpoints(settings, SETTING_ADVERTISED_LISTENERS, advertised);
    if (advertised_count < 0) return;
    check_distinct(settings, endpoints, count);
    check_advertised(settings, advertised, advertised_count, endpoints, count);
    int brokers = 0;
    for (int i = 0; i < count; i++) {
        check_protocol(settings, SETTING_LISTENERS, endpoints[i].name);
        bool controller = is_controller(settings, endpoints[i].name);
        const struct endpoint *told = find(advertised, advertised_count, endpoints[i].name);
        if (told == NULL) told = &endpoints[i];
        if (!controller) brokers++;
        if (!controller && told == &endpoints[i])
            check_advertised(settings, told, 1, endpoints, count);
        settings->listeners[i] = (struct settings_listener){
            .name = endpoints[i].name,
            .host = endpoints[i].host,
            .port = endpoints[i].port,
            .advertised_host = controller ? endpoints[i].host : told->host,
            .advertised_port = controller ? endpoints[i].port : told->port,
            .controller = controller,
        };
    }
    settings->listener_count = count;
    if (brokers == 0)
        wrong(settings, SETTING_LISTENERS,
              SLICE("There must be at least one broker advertised listener. Perhaps all listeners "
                    "appear "
                    "in controller.listener.names?"));
}

/* --- metrics and probes ----------------------------------------------------------------------- */

void settings_parse_http_listeners(struct settings *settings)
{
    struct endpoint endpoints[SETTINGS_LISTENERS_MAX];
    int count = parse_endpoints(settings, SETTING_GREGOR_HTTP_LISTENERS, endpoints);
    for (int i = 0; i < count; i++) {
        if (!slice_equal(endpoints[i].name, SLICE("HTTP")))
            wrong(settings, SETTING_GREGOR_HTTP_LISTENERS,
                  SLICE("Each entry should be in the form `http://{host}:{port}`."));
        settings->http[i] =
            (struct settings_address){.host = endpoints[i].host, .port = endpoints[i].port};
    }
    settings->http_count = count < 0 ? 0 : count;
}
