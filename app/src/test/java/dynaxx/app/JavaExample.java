package dynaxx.app;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Java examples of the documentation. */
final class JavaExample {

  private static final Pattern JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  private JavaExample() {}

  /** The examples of a page, in order. */
  static List<String> of(Path page) throws IOException {
    return JAVA.matcher(Files.readString(page)).results().map(example -> example.group(1)).toList();
  }

  /** What the compiler says of a class Example; empty if it compiles. */
  static String problems(String source, Path classes) {
    StringWriter messages = new StringWriter();
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    JavaFileObject file =
        new SimpleJavaFileObject(URI.create("string:///Example.java"), JavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return source;
          }
        };
    String path = System.getProperty("jdk.module.path", "");
    List<String> options =
        List.of(
            "-d",
            classes.toString(),
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
                + File.pathSeparator
                + path);
    boolean compiled = compiler.getTask(messages, null, null, options, null, List.of(file)).call();
    return compiled ? messages.toString() : "does not compile\n" + messages;
  }
}
