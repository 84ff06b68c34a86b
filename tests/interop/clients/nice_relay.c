/* Two libnice agents that may use nothing but the relay: they connect and send numbered messages to and fro.
 *
 * The TURN server and its credentials come as options; the last line printed is one JSON object. */

#include <nice/agent.h>
#include <string.h>

enum { MESSAGES = 1000, MESSAGE_BYTES = 1000, LIMIT_SECONDS = 45, COMPONENT = 1 };

typedef struct Agent Agent;

struct Agent {
  NiceAgent *nice;
  guint stream;
  gboolean begins;
  gboolean gathered;
  gboolean ready;
  guint sent_messages;
  guint received_messages;
  GChecksum *sent;
  GChecksum *received;
  Agent *other;
};

static GMainLoop *loop;
static gchar *host, *local = "127.0.0.1", *username, *password, *transport = "udp";
static gint port;

static GOptionEntry options[] = {
  { "host", 0, 0, G_OPTION_ARG_STRING, &host, "address of the TURN server", NULL },
  { "port", 0, 0, G_OPTION_ARG_INT, &port, "its port", NULL },
  { "local", 0, 0, G_OPTION_ARG_STRING, &local, "address to send from", NULL },
  { "username", 0, 0, G_OPTION_ARG_STRING, &username, "user", NULL },
  { "password", 0, 0, G_OPTION_ARG_STRING, &password, "password", NULL },
  { "transport", 0, 0, G_OPTION_ARG_STRING, &transport, "udp or tcp", NULL },
  G_OPTION_ENTRY_NULL
};

static void send_next (Agent *agent)
{
  gchar message[MESSAGE_BYTES];
  for (guint at = 0; at < MESSAGE_BYTES; at++)
    message[at] = (gchar) g_random_int ();
  if (nice_agent_send (agent->nice, agent->stream, COMPONENT, MESSAGE_BYTES, message) != MESSAGE_BYTES)
    g_error ("message %u was not taken", agent->sent_messages);
  g_checksum_update (agent->sent, (guchar *) message, MESSAGE_BYTES);
  agent->sent_messages++;
}

/* The one that begins sends the next message for each that comes; the other answers each. */
static void on_message (NiceAgent *nice, guint stream, guint component, guint length, gchar *message, gpointer data)
{
  Agent *agent = data;
  g_checksum_update (agent->received, (guchar *) message, length);
  agent->received_messages++;
  if (agent->sent_messages < MESSAGES)
    send_next (agent);
  else if (agent->received_messages == MESSAGES && agent->begins)
    g_main_loop_quit (loop);
}

/* Hands the candidates of one agent to the other, as text and back, like signaling does. */
static void tell (Agent *from, Agent *to)
{
  gchar *description = nice_agent_generate_local_sdp (from->nice);
  if (strstr (description, "typ host") || !strstr (description, "typ relay"))
    g_error ("expected relay candidates alone:\n%s", description);
  if (nice_agent_parse_remote_sdp (to->nice, description) < 0)
    g_error ("not understood:\n%s", description);
  g_free (description);
}

static void on_gathered (NiceAgent *nice, guint stream, gpointer data)
{
  Agent *agent = data;
  agent->gathered = TRUE;
  if (!agent->other->gathered)
    return;
  tell (agent, agent->other);
  tell (agent->other, agent);
}

static void on_state (NiceAgent *nice, guint stream, guint component, guint state, gpointer data)
{
  Agent *agent = data;
  if (state == NICE_COMPONENT_STATE_FAILED)
    g_error ("no connection");
  if (state != NICE_COMPONENT_STATE_READY || agent->ready)
    return;
  agent->ready = TRUE;
  if (agent->other->ready)
    send_next (agent->begins ? agent : agent->other);
}

static void start (Agent *agent, Agent *other, gboolean begins)
{
  NiceAddress address;
  *agent = (Agent) { .begins = begins, .other = other };
  agent->sent = g_checksum_new (G_CHECKSUM_SHA256);
  agent->received = g_checksum_new (G_CHECKSUM_SHA256);
  agent->nice = nice_agent_new (g_main_loop_get_context (loop), NICE_COMPATIBILITY_RFC5245);
  g_object_set (agent->nice, "controlling-mode", begins, "force-relay", TRUE, "ice-tcp", FALSE, "upnp", FALSE, NULL);
  g_assert (nice_address_set_from_string (&address, local));
  nice_agent_add_local_address (agent->nice, &address);
  g_signal_connect (agent->nice, "candidate-gathering-done", G_CALLBACK (on_gathered), agent);
  g_signal_connect (agent->nice, "component-state-changed", G_CALLBACK (on_state), agent);
  agent->stream = nice_agent_add_stream (agent->nice, 1);
  nice_agent_set_stream_name (agent->nice, agent->stream, "application");
  NiceRelayType type = g_str_equal (transport, "tcp") ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;
  nice_agent_set_relay_info (agent->nice, agent->stream, COMPONENT, host, port, username, password, type);
  nice_agent_attach_recv (agent->nice, agent->stream, COMPONENT, g_main_loop_get_context (loop), on_message, agent);
}

static gboolean on_limit (gpointer data)
{
  g_error ("gave up after %d s", LIMIT_SECONDS);
  return G_SOURCE_REMOVE;
}

static void expect_relayed_pair (Agent *agent)
{
  NiceCandidate *near, *far;
  if (!nice_agent_get_selected_pair (agent->nice, agent->stream, COMPONENT, &near, &far)
      || near->type != NICE_CANDIDATE_TYPE_RELAYED || far->type != NICE_CANDIDATE_TYPE_RELAYED)
    g_error ("the pair in use is not relayed at both ends");
}

static void expect_intact (Agent *from, Agent *to)
{
  if (!g_str_equal (g_checksum_get_string (from->sent), g_checksum_get_string (to->received)))
    g_error ("what arrived is not what was sent");
}

int main (int count, char **words)
{
  GError *error = NULL;
  Agent near, far;
  GOptionContext *context = g_option_context_new (NULL);
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &count, &words, &error) || !host || !port || !username || !password)
    g_error ("options: %s", error ? error->message : "the server and its credentials are wanted");
  loop = g_main_loop_new (NULL, FALSE);
  start (&near, &far, TRUE);
  start (&far, &near, FALSE);
  nice_agent_gather_candidates (near.nice, near.stream);
  nice_agent_gather_candidates (far.nice, far.stream);
  g_timeout_add_seconds (LIMIT_SECONDS, on_limit, NULL);
  g_main_loop_run (loop);
  expect_relayed_pair (&near);
  expect_relayed_pair (&far);
  expect_intact (&near, &far);
  expect_intact (&far, &near);
  g_print ("{\"messagesEachWay\":%d,\"bytesEachWay\":%d}\n", MESSAGES, MESSAGES * MESSAGE_BYTES);
  return 0;
}
