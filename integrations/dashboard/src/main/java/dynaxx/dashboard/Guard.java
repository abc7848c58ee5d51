package dynaxx.dashboard;

import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.http.NotFoundResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * What a request must be like. The server listens on loopback only; a page of somebody else's could
 * still reach it through the viewer's browser, by a name of its own that leads to 127.0.0.1. So the
 * Host header must be one of ours, and nothing may be sent to the server.
 */
final class Guard {

  private static final Set<String> NAMES = Set.of("localhost", "127.0.0.1", "[::1]");
  private static final int MOST_QUERY = 512;

  private static final Map<String, String> HEADERS =
      Map.of(
          "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
              + " connect-src 'self'; base-uri 'none'; form-action 'none';"
              + " frame-ancestors 'none'",
          "X-Content-Type-Options",
          "nosniff",
          "Referrer-Policy",
          "no-referrer",
          "Cross-Origin-Resource-Policy",
          "same-origin",
          "Cross-Origin-Opener-Policy",
          "same-origin",
          "Cache-Control",
          "no-store");

  static final String TEXT = "text/plain; charset=utf-8";

  private static final Map<Integer, String> OTHERS =
      Map.of(
          400, "request: found one that is malformed, expected one of this page",
          404, "path: found nothing there",
          414, "path: found one that is too long",
          431, "headers: found too many or too long ones",
          505, "version: found another one of HTTP, expected 1.1");

  private Guard() {}

  /** Why a request is refused. */
  record Refusal(int status, String reason) {}

  static void check(Context request) {
    Refusal refusal = check(request.req(), request.res());
    if (refusal != null) {
      throw refused(refusal.status(), refusal.reason());
    }
  }

  /** Why a request is refused, or null if it is not. */
  static Refusal check(HttpServletRequest request, HttpServletResponse response) {
    HEADERS.forEach(response::setHeader);
    if (!request.getMethod().equals("GET") && !request.getMethod().equals("HEAD")) {
      return new Refusal(405, "method: found " + request.getMethod() + ", expected GET");
    }
    String host = request.getHeader("Host");
    if (host == null || !ours(host, request.getLocalPort())) {
      return new Refusal(421, "Host: found another name than localhost and this port");
    }
    String site = request.getHeader("Sec-Fetch-Site");
    boolean own = site == null || site.equals("same-origin") || site.equals("none");
    if (!own && !"navigate".equals(request.getHeader("Sec-Fetch-Mode"))) {
      return new Refusal(403, "Sec-Fetch-Site: found a request from another site");
    }
    if (request.getContentLengthLong() > 0 || request.getHeader("Transfer-Encoding") != null) {
      return new Refusal(413, "body: found one, expected none");
    }
    String query = request.getQueryString();
    if (query != null && query.length() > MOST_QUERY) {
      return new Refusal(414, "query: found more than " + MOST_QUERY + " characters");
    }
    return null;
  }

  static boolean ours(String host, int port) {
    int colon = host.endsWith("]") ? -1 : host.lastIndexOf(':');
    String name = colon < 0 ? host : host.substring(0, colon);
    String number = colon < 0 ? "80" : host.substring(colon + 1);
    return NAMES.contains(name.toLowerCase(Locale.ROOT)) && number.equals(Integer.toString(port));
  }

  /** A whole number of the query; what is malformed is refused. */
  static long number(Context request, String name, long otherwise, long least, long most) {
    String text = request.queryParam(name);
    if (text == null) {
      return otherwise;
    }
    if (!text.matches("\\d{1,18}")) {
      throw refused(400, name + ": found no whole number");
    }
    long value = Long.parseLong(text);
    if (value < least || value > most) {
      throw refused(400, name + ": found " + value + ", expected from " + least + " to " + most);
    }
    return value;
  }

  /** What the server itself refuses, such as what is no request, in our words. */
  static boolean answer(Request request, Response response, Callback done) {
    int status = response.getStatus();
    HEADERS.forEach(response.getHeaders()::put);
    response.getHeaders().put("Content-Type", TEXT);
    String line = OTHERS.getOrDefault(status, "request: could not be answered") + "\n";
    Content.Sink.write(response, true, line, done);
    return true;
  }

  /** Why something was refused, in our words, also if the library found no such path. */
  static String text(HttpResponseException refusal) {
    return refusal instanceof NotFoundResponse ? OTHERS.get(404) : refusal.getMessage();
  }

  static HttpResponseException refused(int status, String reason) {
    return new HttpResponseException(status, reason, Map.of());
  }
}
