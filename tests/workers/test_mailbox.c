#include "tests/runner.h"

#include <pthread.h>
#include <stdlib.h>

#include "workers/mailbox.h"

enum { SENDERS = 6, LETTERS = 5000 };

/* What one sender sent, and how far its mail has come. */
struct sender {
	struct post_office *office;
	pthread_t thread;
	int arrived;
};

struct letter {
	struct mail mail;
	struct sender *from;
	int number;
};

struct post_office {
	uv_loop_t loop;
	struct mailbox *box;
	struct sender senders[SENDERS];
	int arrived;
};

static void office_open(struct post_office *o)
{
	*o = (struct post_office){.arrived = 0};
	uv_loop_init(&o->loop);
	o->box = mailbox_open(&o->loop);
	ck_assert_ptr_nonnull(o->box);
}

static void office_close(struct post_office *o)
{
	mailbox_close(o->box);
	uv_run(&o->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&o->loop), 0);
}

static void arrive(struct mail *mail)
{
	struct letter *l = (struct letter *)mail;
	struct sender *from = l->from;

	ck_assert_int_eq(l->number, from->arrived++);
	if (++from->office->arrived == SENDERS * LETTERS)
		uv_stop(&from->office->loop);
	free(l);
}

static void send_one(struct sender *s, int number)
{
	struct letter *l = malloc(sizeof *l);

	*l = (struct letter){{.deliver = arrive}, s, number};
	mailbox_post(s->office->box, &l->mail);
}

static void *send_all(void *arg)
{
	for (int i = 0; i < LETTERS; i++)
		send_one(arg, i);
	return NULL;
}

START_TEST(every_letter_of_every_sender_arrives_once_and_in_order)
{
	struct post_office o;

	office_open(&o);
	for (int i = 0; i < SENDERS; i++) {
		o.senders[i].office = &o;
		pthread_create(&o.senders[i].thread, NULL, send_all, &o.senders[i]);
	}
	uv_run(&o.loop, UV_RUN_DEFAULT);
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(o.senders[i].thread, NULL);
		ck_assert_int_eq(o.senders[i].arrived, LETTERS);
	}
	office_close(&o);
}
END_TEST

START_TEST(closing_delivers_what_is_there)
{
	struct post_office o;

	office_open(&o);
	o.senders[0].office = &o;
	for (int i = 0; i < 10; i++)
		send_one(&o.senders[0], i);
	ck_assert_int_eq(o.senders[0].arrived, 0);
	office_close(&o);
	ck_assert_int_eq(o.senders[0].arrived, 10);
}
END_TEST

struct echo {
	struct mail mail;
	struct post_office *office;
	int left;
};

static void post_again(struct mail *mail)
{
	struct echo *e = (struct echo *)mail;

	if (--e->left)
		mailbox_post(e->office->box, mail);
	else
		uv_stop(&e->office->loop);
}

START_TEST(mail_may_be_posted_again_while_it_is_delivered)
{
	struct post_office o;
	struct echo echo = {{.deliver = post_again}, &o, 100};

	office_open(&o);
	mailbox_post(o.box, &echo.mail);
	uv_run(&o.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(echo.left, 0);
	office_close(&o);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("mailbox");
	TCase *t = tcase_create("mailbox");

	tcase_add_test(t, every_letter_of_every_sender_arrives_once_and_in_order);
	tcase_add_test(t, closing_delivers_what_is_there);
	tcase_add_test(t, mail_may_be_posted_again_while_it_is_delivered);
	suite_add_tcase(s, t);
	return s;
}
