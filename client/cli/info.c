/* The verb `info`: what the daemon is and what it takes. */
#include "client/cli/progress.h"
#include "client/cli/session.h"
#include "client/cli/table.h"

static const struct option info_options[] = {{NULL}};

static void print_list(const char *what, const char **names, size_t n)
{
	printf("%-11s", what);
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i ? ", " : "", names[i]);
	putchar('\n');
}

static void print_limits(const Pb__Info *info)
{
	static const struct column columns[] = {
		{"limit", 0, false}, {"value", 0, true}, {"unit", 0, false}, {0}};
	struct table t;

	table_begin(&t, columns);
	for (size_t i = 0; i < info->n_limits; i++) {
		char value[32];
		table_row(&t,
			(const char *[]){info->limits[i]->name,
				with_commas(info->limits[i]->value, value), info->limits[i]->unit});
	}
	table_end(&t, stdout);
}

static enum code run(struct session *s, const struct options *o, struct error *e)
{
	Pb__GetInfoRequest request = PB__GET_INFO_REQUEST__INIT;
	Pb__Info *info;

	(void)o;
	if (session_ask(s, "GetInfo", &request.base, &info, e))
		return e->code;
	if (s->output != AS_TABLE)
		return session_print(s, &info->base, stdout, e);
	printf("%-11s%s\n%-11s%u\n", "hardminerd", info->version ? info->version : "?", "workers",
		info->workers);
	print_list("engines", info->engines, info->n_engines);
	print_list("encoders", info->encoders, info->n_encoders);
	print_list("strategies", info->strategies, info->n_strategies);
	putchar('\n');
	print_limits(info);
	return OK;
}

const struct command command_info = {
	.name = "info",
	.words = "",
	.summary = "what the daemon is, knows and takes",
	.options = info_options,
	.run = run,
};
