package dynaxx.testing;

import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures.LayeredArchitecture;
import com.tngtech.archunit.library.dependencies.SliceRule;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/** Which packages of a module may know which others, and what it shows to the outside. */
public final class Architecture {

  /**
   * A dependency that is against the rules and known.
   *
   * @param from regular expression for the names of classes
   * @param to the same for those that they should not know
   */
  public record Known(String from, String to) {}

  private final JavaClasses classes;
  private final List<Known> known;

  private Architecture(JavaClasses classes, List<Known> known) {
    this.classes = classes;
    this.known = known;
  }

  /** All classes that lie in one folder or jar with one of them. */
  public static Architecture of(Class<?> member, Known... known) {
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
    ClassFileImporter importer = new ClassFileImporter();
    try {
      Path place = Path.of(member.getProtectionDomain().getCodeSource().getLocation().toURI());
      return new Architecture(
          Files.isDirectory(place)
              ? importer.importPath(place)
              : importer.importJar(new JarFile(place.toFile())),
          List.of(known));
    } catch (IOException | URISyntaxException e) {
      throw new IllegalStateException(member.getName(), e);
    }
  }

  /** Fails if packages below a root know each other in a circle. */
  public void assertNoCycles(String root) {
    assertKept(
        exceptions -> {
          SliceRule rule = slices().matching(root + "(**)").should().beFreeOfCycles();
          for (Known k : exceptions) {
            rule = rule.ignoreDependency(nameMatching(k.from), nameMatching(k.to));
          }
          return rule;
        });
  }

  /**
   * Fails for a package that knows another one which the table does not allow, and for one that is
   * not in the table.
   *
   * @param table one package a line: its name below the root, {@code ->}, and all that it may know
   */
  public void assertArrows(String root, String table) {
    List<String[]> rows = table.lines().map(line -> line.strip().split(" *-> *| +")).toList();
    assertKept(
        exceptions -> {
          LayeredArchitecture rule =
              layeredArchitecture()
                  .consideringOnlyDependenciesInLayers()
                  .ensureAllClassesAreContainedInArchitecture();
          for (String[] row : rows) {
            rule = rule.layer(row[0]).definedBy(root + row[0]);
          }
          for (String[] row : rows) {
            String[] others = Stream.of(row).skip(1).toArray(String[]::new);
            rule =
                others.length == 0
                    ? rule.whereLayer(row[0]).mayNotAccessAnyLayer()
                    : rule.whereLayer(row[0]).mayOnlyAccessLayers(others);
          }
          for (Known k : exceptions) {
            rule = rule.ignoreDependency(nameMatching(k.from), nameMatching(k.to));
          }
          return rule;
        });
  }

  private void assertKept(Function<List<Known>, ArchRule> rule) {
    rule.apply(known).check(classes);
    for (Known k : known) {
      List<Known> others = known.stream().filter(other -> other != k).toList();
      assertTrue(
          rule.apply(others).evaluate(classes).hasViolation(),
          () -> k + " breaks no rule any more: take it out of this test's list");
    }
  }

  /**
   * The public types of all packages that a module exports to everybody, one a line, with their
   * number first.
   */
  public static String publicTypes(Class<?> member) {
    List<String> exported =
        member.getModule().getDescriptor().exports().stream()
            .filter(export -> !export.isQualified())
            .map(ModuleDescriptor.Exports::source)
            .toList();
    List<Class<?>> types =
        of(member).classes.stream()
            .filter(type -> exported.contains(type.getPackageName()))
            .<Class<?>>map(type -> load(member, type.getName()))
            .filter(Architecture::isPublic)
            .toList();
    long top = types.stream().filter(type -> type.getDeclaringClass() == null).count();
    return Stream.concat(
            Stream.of("# " + types.size() + " public types, " + top + " of them top-level"),
            types.stream().map(Class::getCanonicalName).sorted())
        .reduce("", (lines, line) -> lines + line + "\n");
  }

  private static Class<?> load(Class<?> member, String name) {
    try {
      return Class.forName(name, false, member.getClassLoader());
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(name, e);
    }
  }

  private static boolean isPublic(Class<?> type) {
    int seen = Modifier.PUBLIC | Modifier.PROTECTED;
    return type.getCanonicalName() != null
        && (type.getModifiers() & seen) != 0
        && (type.getDeclaringClass() == null || isPublic(type.getDeclaringClass()));
  }
}
