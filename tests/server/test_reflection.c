#include "tests/runner.h"

#include <stdio.h>
#include <string.h>

#include "hardminer/internal/descriptor.pb-c.h"
#include "hardminer/v1/miner.pb-c.h"
#include "proto/fault.h"
#include "server/reflection.h"

static const struct reflection *reflection;
static struct error err;

static void setup(void)
{
	ck_ok(reflection_make(&reflection, &err), &err);
}

static void teardown(void)
{
	reflection_free(reflection);
}

static const char *file_of(const char *symbol)
{
	const struct reflected_file *file = reflection_symbol(reflection, symbol);

	return file ? file->name : "nowhere";
}

START_TEST(the_services_are_ours_and_the_public_ones)
{
	static const char *const expected[] = {"hardminer.v1.Miner", "grpc.health.v1.Health",
		"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"};
	size_t n;
	const char *const *services = reflection_services(reflection, &n);

	ck_assert_uint_eq(n, 4);
	for (size_t i = 0; i < n; i++)
		ck_assert_str_eq(services[i], expected[i]);
}
END_TEST

START_TEST(every_kind_of_symbol_is_found_in_its_file)
{
	ck_assert_str_eq(file_of("hardminer.v1.Miner"), "hardminer/v1/miner.proto");
	ck_assert_str_eq(file_of("hardminer.v1.Miner.Search"), "hardminer/v1/miner.proto");
	ck_assert_str_eq(file_of("hardminer.v1.Info.version"), "hardminer/v1/miner.proto");
	ck_assert_str_eq(
		file_of("grpc.health.v1.HealthCheckResponse"), "grpc/health/v1/health.proto");
	ck_assert_str_eq(file_of("grpc.health.v1.HealthCheckResponse.ServingStatus"),
		"grpc/health/v1/health.proto");
	ck_assert_str_eq(file_of("grpc.health.v1.HealthCheckResponse.SERVING"),
		"grpc/health/v1/health.proto");
	ck_assert_str_eq(file_of("grpc.reflection.v1alpha.ServerReflectionRequest.message_request"),
		"grpc/reflection/v1alpha/reflection.proto");
	ck_assert_str_eq(file_of("hardminer.v1.Miner.Sear"), "nowhere");
	ck_assert_str_eq(file_of(""), "nowhere");
	ck_assert_str_eq(file_of("hardminer.internal.Status"), "nowhere");
}
END_TEST

START_TEST(every_rpc_of_the_service_is_a_symbol)
{
	for (unsigned i = 0; i < pb__miner__descriptor.n_methods; i++) {
		char symbol[128];
		snprintf(symbol, sizeof symbol, "hardminer.v1.Miner.%s",
			pb__miner__descriptor.methods[i].name);
		ck_assert_str_eq(file_of(symbol), "hardminer/v1/miner.proto");
	}
}
END_TEST

START_TEST(a_file_comes_with_all_it_imports_once)
{
	const struct reflected_file *files[64];
	const struct reflected_file *miner =
		reflection_file(reflection, "hardminer/v1/miner.proto");

	ck_assert_uint_le(reflection_files(reflection), 64);
	size_t n = reflection_closure(reflection, miner, files);
	ck_assert_ptr_eq(files[0], miner);
	ck_assert_uint_ge(n, 1 + miner->n_dependencies);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++)
			ck_assert_ptr_ne(files[i], files[k]);
		for (size_t d = 0; d < files[i]->n_dependencies; d++) {
			size_t k = 0;
			while (k < n && strcmp(files[k]->name, files[i]->dependencies[d]))
				k++;
			ck_assert_uint_lt(k, n);
		}
	}
}
END_TEST

START_TEST(a_file_is_its_own_descriptor)
{
	const struct reflected_file *file =
		reflection_file(reflection, "grpc/health/v1/health.proto");
	Wire__FileDescriptorProto *f = (Wire__FileDescriptorProto *)protobuf_c_message_unpack(
		&wire__file_descriptor_proto__descriptor, NULL, file->len, file->bytes);

	ck_assert_ptr_nonnull(f);
	ck_assert_str_eq(f->name, "grpc/health/v1/health.proto");
	ck_assert_str_eq(f->package, "grpc.health.v1");
	protobuf_c_message_free_unpacked(&f->base, NULL);
	ck_assert_ptr_null(reflection_file(reflection, "health.proto"));
}
END_TEST

START_TEST(every_allocation_may_fail)
{
#ifdef HARDMINER_FAULTS
	const struct reflection *r = NULL;
	enum code code;
	long n = 0;

	do {
		fault_arm(n);
		code = reflection_make(&r, &err);
		ck_assert_int_eq(code, fault_fired() ? RESOURCE_EXHAUSTED : OK);
		n += n < 64 ? 1 : 97; /* thousands of alike ones */
	} while (code);
	fault_arm(-1);
	ck_assert_int_gt(n, 64);
	reflection_free(r);
#endif
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("reflection");
	TCase *t = tcase_create("reflection");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_services_are_ours_and_the_public_ones);
	tcase_add_test(t, every_kind_of_symbol_is_found_in_its_file);
	tcase_add_test(t, every_rpc_of_the_service_is_a_symbol);
	tcase_add_test(t, a_file_comes_with_all_it_imports_once);
	tcase_add_test(t, a_file_is_its_own_descriptor);
	tcase_add_test(t, every_allocation_may_fail);
	suite_add_tcase(s, t);
	return s;
}
