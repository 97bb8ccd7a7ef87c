from proxy.demo.demo import run

__all__ = ["run"]
