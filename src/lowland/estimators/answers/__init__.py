"""What a fitted table is asked beside its fills: how sure it is, completed tables drawn, and why."""
