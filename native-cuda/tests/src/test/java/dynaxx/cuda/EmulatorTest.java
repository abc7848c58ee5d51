package dynaxx.cuda;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A test that needs the emulated driver, fresh for each method. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(EmulatorTest.Fresh.class)
@interface EmulatorTest {

  /** Skips with a reason, or resets. */
  final class Fresh implements ExecutionCondition, BeforeEachCallback {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      return Emulator.present()
          ? ConditionEvaluationResult.enabled("the emulator is there")
          : ConditionEvaluationResult.disabled(
              "the emulator was not built, for lack of CMake or a C++ compiler");
    }

    @Override
    public void beforeEach(ExtensionContext context) {
      Emulator.reset();
    }
  }
}
