"""The application of tests: it knows of the gateway what its environment says, and asks what stands on its input."""

import sys

from openai import OpenAI


def main() -> None:
    """A question a line in, an answer a line out, piece by piece."""
    with OpenAI(max_retries=0, timeout=20) as client:
        for question in sys.stdin:
            with client.responses.stream(model="claude-sonnet-5", input=question.strip()) as stream:
                for event in stream:
                    if event.type == "response.output_text.delta":
                        sys.stdout.write(event.delta)
                        sys.stdout.flush()
            sys.stdout.write("\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
