"""Weather from services on the network."""

from patrolctl.weather.http import HttpWeather

__all__ = ["HttpWeather"]
