package dynaxx.jcuda;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A test that needs the emulated driver under the name of the real one. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(DriverTest.Present.class)
@interface DriverTest {

  /** Skips with a reason. */
  final class Present implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      return Files.exists(Path.of(System.getProperty("dynaxx.test.driver", "nowhere")))
          ? ConditionEvaluationResult.enabled("the emulator is there")
          : ConditionEvaluationResult.disabled(
              "the emulator was not built, for lack of CMake or a C++ compiler");
    }
  }
}
