import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.apache.kafka.common.utils.Exit;

/*
 * Runs Kafka's command line tools one after the other in one machine, for each would take longer to
 * start than to run. A line of standard input is one command: fields between unit separators, which
 * are its class, the files of its standard input (or nothing), output and errors, and its arguments.
 * Its exit status is a line of standard output.
 */
public class Tools {
    static final String SEPARATOR = "\u001f";

    static final PrintStream NOWHERE = new PrintStream(OutputStream.nullOutputStream());

    /** A tool wanted to end the machine. Some catch this, too: what they say then does not count. */
    static class Ended extends RuntimeException { }

    static Integer ended;
    static final List<Runnable> hooks = new ArrayList<>();

    static void end(int status, String message) {
        if (ended == null) {
            ended = status;
            if (message != null) System.err.println(message);
            System.setOut(NOWHERE);
            System.setErr(NOWHERE);
        }
        throw new Ended();
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        PrintStream errors = System.err;
        Exit.setExitProcedure(Tools::end);
        Exit.setHaltProcedure(Tools::end);
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        BufferedReader commands = new BufferedReader(
            new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String line;
        while ((line = commands.readLine()) != null) {
            String[] fields = line.split(SEPARATOR, -1);
            byte[] input = fields[1].isEmpty() ? new byte[0] : Files.readAllBytes(Path.of(fields[1]));
            try (PrintStream out = new PrintStream(fields[2], "UTF-8");
                 PrintStream error = new PrintStream(fields[3], "UTF-8")) {
                System.setIn(new ByteArrayInputStream(input));
                System.setOut(out);
                System.setErr(error);
                int status = run(fields[0], Arrays.copyOfRange(fields, 4, fields.length));
                hooks.forEach(Runnable::run);
                hooks.clear();
                System.setOut(answers);
                System.setErr(errors);
                answers.println(status);
                answers.flush();
            }
        }
    }

    static int run(String name, String[] arguments) throws Exception {
        ended = null;
        try {
            Class.forName(name).getMethod("main", String[].class).invoke(null, (Object) arguments);
            return 0;
        } catch (InvocationTargetException thrown) {
            if (ended != null) return ended;
            System.err.println(thrown.getCause());
            return 1;
        }
    }
}
