/* Promises of common/key.h and common/keystore.h. */
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/key.h"

/* What the golden keystores hold: two are the examples of the definition, one
 * was made by `cast wallet import --private-key ... --unsafe-password ...`. */
static const char secret[] =
	"7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
static const char address[] = "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b";
static const char password[] = "testpassword";

static char folder[] = "/tmp/kalypso-key-test-XXXXXX";

/* A file in the test's folder; the name lives until the next call. */
static const char *file(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static const char *write_text(const char *name, const char *text)
{
	const char *path = file(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

static struct buf read_text(const char *path)
{
	struct buf out = {0};
	FILE *f = fopen(path, "r");
	int c;

	assert_non_null(f);
	while ((c = fgetc(f)) != EOF)
		buf_put_u8(&out, (uint8_t)c);
	fclose(f);
	return out;
}

/* A copy of tests/golden/keystore-NAME.json that nobody else may read: what git
 * checks out everybody may. */
static const char *golden(const char *name)
{
	char from[96], copy[96];
	struct buf text;
	const char *path;

	snprintf(from, sizeof from, "tests/golden/keystore-%s.json", name);
	snprintf(copy, sizeof copy, "keystore-%s.json", name);
	text = read_text(from);
	path = write_text(copy, buf_text(&text));
	buf_free(&text);
	return path;
}

/* The source loads, and to the key whose address is above. */
static void assert_loads(struct key_source source)
{
	struct secret_key *key;
	struct key_why why;
	struct address got;
	char text[ADDRESS_ROOM];
	enum err e = key_load(&key, &source, &why);

	if (e)
		fail_msg("%s: %s", err_name(e), why.text);
	assert_string_equal(why.text, "");
	secret_key_address(&got, key);
	assert_string_equal(address_format(text, &got), address);
	secret_key_free(&key);
}

/* It doesn't, and says why, without saying the secret. */
static void assert_refused(struct key_source source, const char *want)
{
	struct secret_key *key = (void *)&source;
	struct key_why why;

	assert_err(key_load(&key, &source, &why), ERR_CONFIG);
	assert_null(key);
	if (!strstr(why.text, want))
		fail_msg("\"%s\" does not say \"%s\"", why.text, want);
	assert_null(strstr(why.text, "7a28"));
	assert_null(strstr(why.text, password));
}

/* ---- text and files ----------------------------------------------------- */

static void hex_text_is_a_key(void **state)
{
	char text[128];

	(void)state;
	assert_loads((struct key_source){.hex = secret});
	snprintf(text, sizeof text, "0x%s", secret);
	assert_loads((struct key_source){.hex = text});
	snprintf(text, sizeof text, " \t0x%s\r\n", secret);
	assert_loads((struct key_source){.hex = text, .path = ""});
	assert_loads((struct key_source){.path = write_text("hex", text)});
}

static void other_text_is_no_key(void **state)
{
	char text[80];

	(void)state;
	snprintf(text, sizeof text, "%.63s", secret);
	assert_refused((struct key_source){.hex = text}, "not 64 hex digits");
	snprintf(text, sizeof text, "%s0", secret);
	assert_refused((struct key_source){.hex = text}, "not 64 hex digits");
	snprintf(text, sizeof text, "0X%s", secret);
	assert_refused((struct key_source){.hex = text}, "not 64 hex digits");
	snprintf(text, sizeof text, "%.63sg", secret);
	assert_refused((struct key_source){.hex = text}, "not 64 hex digits");
	assert_refused((struct key_source){.hex = "\n"}, "not 64 hex digits");
	memset(text, '0', 64);
	text[64] = '\0';
	assert_refused((struct key_source){.hex = text}, "not a private key");
	memset(text, 'f', 64);
	assert_refused((struct key_source){.hex = text}, "not a private key");
	assert_refused((struct key_source){.path = write_text("bad", "0x12")},
		       "/bad is not 64 hex digits");
}

static void there_is_one_source(void **state)
{
	(void)state;
	assert_refused((struct key_source){.hex = NULL}, "give a key");
	assert_refused((struct key_source){.hex = "", .path = ""},
		       "give a key");
	assert_refused((struct key_source){.hex = secret, .path = "/x"},
		       "give a key");
}

static void unreadable_files_are_named(void **state)
{
	struct buf large = {0};

	(void)state;
	assert_refused((struct key_source){.path = "/nowhere/key"},
		       "/nowhere/key: No such file");
	assert_refused((struct key_source){.path = folder}, folder);
	for (int i = 0; i <= KEYSTORE_SIZE_MAX; i++)
		buf_put_u8(&large, ' ');
	assert_refused((struct key_source){.path = write_text(
						   "large", buf_text(&large))},
		       "longer than");
	buf_free(&large);
}

/* ---- keystores ---------------------------------------------------------- */

static void keystores_of_others_open(void **state)
{
	(void)state;
	assert_loads((struct key_source){.path = golden("pbkdf2"),
					 .password = password});
	assert_loads((struct key_source){.path = golden("scrypt"),
					 .password = password});
	assert_loads((struct key_source){.path = golden("cast"),
					 .password = password});
}

static void a_password_may_lie_in_a_file(void **state)
{
	char keystore[128];

	(void)state;
	snprintf(keystore, sizeof keystore, "%s", golden("cast"));
	assert_loads((struct key_source){
		.path = keystore,
		.password_path =
			write_text("password", "testpassword\r\nmore\n")});
}

static void a_keystore_needs_its_password(void **state)
{
	const char *path = golden("cast");

	(void)state;
	assert_refused((struct key_source){.path = path}, "give its password");
	assert_refused((struct key_source){.path = path,
					   .password = password,
					   .password_path = "/x"},
		       "give its password");
	assert_refused((struct key_source){.path = path, .password = "other"},
		       "keystore-cast.json: the password does not open it");
	assert_refused(
		(struct key_source){.path = path, .password_path = "/nowhere"},
		"/nowhere: No such file");
}

/* Whatever it holds: a password may be guessed. */
static void a_file_that_others_may_read_is_refused(void **state)
{
	char key[128], keystore[128], words[128];

	(void)state;
	snprintf(key, sizeof key, "%s", write_text("open", secret));
	snprintf(keystore, sizeof keystore, "%s", golden("cast"));
	snprintf(words, sizeof words, "%s", write_text("words", password));
	assert_int_equal(chmod(key, 0644), 0);
	assert_refused((struct key_source){.path = key},
		       "/open: others may read or write it (mode 0644): "
		       "chmod 600 /");
	assert_int_equal(chmod(words, 0666), 0);
	assert_refused(
		(struct key_source){.path = keystore, .password_path = words},
		"/words: others may read or write it (mode 0666)");
	assert_int_equal(chmod(keystore, 0604), 0);
	assert_refused(
		(struct key_source){.path = keystore, .password = password},
		"keystore-cast.json: others may read");
	assert_int_equal(chmod(key, 0400), 0);
	assert_loads((struct key_source){.path = key});
}

static struct secret_key *load(const char *hex)
{
	struct key_source source = {.hex = hex};
	struct secret_key *key;
	struct key_why why;

	assert_err(key_load(&key, &source, &why), ERR_NONE);
	return key;
}

static void a_key_is_saved_and_loaded(void **state)
{
	const char *path = file("saved");
	struct secret_key *key = load(secret);
	struct key_why why;
	struct stat st;

	(void)state;
	assert_err(key_save(path, key, password, KEYSTORE_LIGHT, &why),
		   ERR_NONE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_loads((struct key_source){.path = path, .password = password});
	assert_refused((struct key_source){.path = path, .password = "no"},
		       "the password does not open it");
	assert_err(key_save(path, key, "other", KEYSTORE_LIGHT, &why),
		   ERR_EXISTS);
	assert_loads((struct key_source){.path = path, .password = password});
	assert_err(key_save("/nowhere/x", key, password, KEYSTORE_LIGHT, &why),
		   ERR_CONFIG);
	assert_non_null(strstr(why.text, "/nowhere/x: No such file"));
	secret_key_free(&key);
}

static void two_keystores_of_one_key_differ(void **state)
{
	struct secret_key *key = load(secret);
	struct keystore a, b;

	(void)state;
	assert_err(keystore_seal(&a, key, password, 1), ERR_NONE);
	assert_err(keystore_seal(&b, key, password, 1), ERR_NONE);
	assert_memory_not_equal(a.salt, b.salt, sizeof a.salt);
	assert_memory_not_equal(a.iv, b.iv, sizeof a.iv);
	assert_memory_not_equal(a.ciphertext, b.ciphertext,
				sizeof a.ciphertext);
	secret_key_free(&key);
}

static void what_is_inside_is_checked(void **state)
{
	struct secret_key *key = load(secret), *out;
	struct keystore keystore;
	struct key_why why;

	(void)state;
	assert_err(keystore_seal(&keystore, key, password, 1), ERR_NONE);
	keystore.address.bytes[0] ^= 1;
	assert_err(keystore_open(&out, &keystore, password, &why), ERR_CONFIG);
	assert_non_null(strstr(why.text, "not that of the address"));
	keystore.address.bytes[0] ^= 1;
	keystore.ciphertext[5] ^= 1;
	assert_err(keystore_open(&out, &keystore, password, &why), ERR_CONFIG);
	assert_null(out);
	secret_key_free(&key);
}

/* One change each to a good keystore. */
static void another_form_is_refused_in_words(void **state)
{
	static const struct {
		const char *from, *to, *want;
	} rows[] = {
		{"\"version\":3", "\"version\":4", "version is not 3"},
		{"\"version\":3", "\"version\":\"3\"", "version is not 3"},
		{"\"crypto\"", "\"cryptic\"", "no crypto"},
		{"aes-128-ctr", "aes-128-cbc", "crypto.cipher "},
		{"\"iv\":\"a9", "\"iv\":\"", "crypto.cipherparams.iv"},
		{"\"ciphertext\":\"ac", "\"ciphertext\":\"zz",
		 "crypto.ciphertext"},
		{"\"mac\":\"c9", "\"mac\":\"c", "crypto.mac"},
		{"\"kdf\":\"scrypt", "\"kdf\":\"bcrypt", "crypto.kdf "},
		{"\"kdf\":\"scrypt", "\"kdf\":\"pbkdf2", "kdfparams.c "},
		{"\"n\":8192", "\"n\":8191", "not a power of 2"},
		{"\"n\":8192", "\"n\":1", "not a power of 2"},
		{"\"n\":8192", "\"n\":-8192", "not a power of 2"},
		{"\"n\":8192", "\"n\":8192.0", "not a power of 2"},
		{"\"n\":8192", "\"n\":2097152", "not a power of 2"},
		{"\"r\":8", "\"r\":33", "kdfparams.r or p"},
		{"\"p\":1", "\"p\":0", "kdfparams.r or p"},
		{"\"n\":8192,\"p\":1,\"r\":8", "\"n\":1048576,\"p\":1,\"r\":16",
		 "1 GiB"},
		{"\"dklen\":32", "\"dklen\":31", "dklen"},
		{"\"salt\":\"c4b1", "\"salt\":\"c4b", "kdfparams.salt"},
		{"{\"crypto\"", "{\"address\":\"12\",\"crypto\"", "address"},
		{"{\"crypto\"", "{\"address\":7,\"crypto\"", "address"},
		{"{\"crypto\"", "{\"version\":3,\"crypto\"", "not JSON"},
		{"\"version\":3}", "\"version\":3}x", "not JSON"},
	};
	struct buf good = read_text("tests/golden/keystore-cast.json");

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *text = buf_text(&good);
		const char *at = strstr(text, rows[i].from);
		struct buf bad = {0};
		struct keystore keystore;
		struct key_why why;

		assert_non_null(at);
		buf_put(&bad, text, (size_t)(at - text));
		buf_put_text(&bad, rows[i].to);
		buf_put_text(&bad, at + strlen(rows[i].from));
		assert_err(keystore_parse(&keystore, buf_text(&bad), bad.size,
					  &why),
			   ERR_CONFIG);
		if (!strstr(why.text, rows[i].want))
			fail_msg("\"%s\" does not say \"%s\"", why.text,
				 rows[i].want);
		buf_free(&bad);
	}
	buf_free(&good);
}

static void prefixes_and_flipped_bits_do_no_harm(void **state)
{
	struct buf good = read_text("tests/golden/keystore-cast.json");
	struct keystore keystore;
	struct key_why why;
	size_t json = good.size - 1; /* but for its newline */

	(void)state;
	for (size_t size = 0; size < json; size++)
		assert_err(keystore_parse(&keystore, (const char *)good.data,
					  size, &why),
			   ERR_CONFIG);
	for (size_t bit = 0; bit < 8 * json; bit++) {
		good.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		(void)!keystore_parse(&keystore, (const char *)good.data, json,
				      &why);
		good.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	buf_free(&good);
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	static const char *const names[] = {"hex",
					    "bad",
					    "large",
					    "password",
					    "saved",
					    "open",
					    "words",
					    "keystore-cast.json",
					    "keystore-pbkdf2.json",
					    "keystore-scrypt.json"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(file(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_text_is_a_key),
		cmocka_unit_test(other_text_is_no_key),
		cmocka_unit_test(there_is_one_source),
		cmocka_unit_test(unreadable_files_are_named),
		cmocka_unit_test(keystores_of_others_open),
		cmocka_unit_test(a_password_may_lie_in_a_file),
		cmocka_unit_test(a_keystore_needs_its_password),
		cmocka_unit_test(a_file_that_others_may_read_is_refused),
		cmocka_unit_test(a_key_is_saved_and_loaded),
		cmocka_unit_test(two_keystores_of_one_key_differ),
		cmocka_unit_test(what_is_inside_is_checked),
		cmocka_unit_test(another_form_is_refused_in_words),
		cmocka_unit_test(prefixes_and_flipped_bits_do_no_harm),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
